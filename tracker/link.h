#pragma once

// Whether a link leads where it should at a moment. Pure.

#include "base/catalog.h"
#include "base/hit.h"

// Why not, or HIT_REASON_NONE. program: the link's, NULL: it is not in the catalog.
enum hit_reason link_closed(const struct catalog_link *link, const struct catalog_program *program,
                            uint64_t now_ms);
