#pragma once

// Compression of what browsers fetch.

#include "base/slice.h"
#include "base/util.h"

// The smallest gzip that zlib makes of it; free() out->data. 0 or -ENOMEM.
must_check int gzip(struct slice plain, struct slice *out);
