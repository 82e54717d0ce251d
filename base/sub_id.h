#pragma once

// The names under which sub ids come.

#include "base/hit.h"

// sub1..sub10, sub_id_1.., aff_sub, aff_sub2..: HIT_SUB1..HIT_SUB10, or 0.
enum hit_field sub_id_field(struct slice name);
