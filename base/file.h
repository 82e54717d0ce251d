#pragma once

// Reading a file whole.

#include "base/slice.h"
#include "base/util.h"

// free() text->data. 0 or negative errno; -EFBIG: longer than bytes_max.
must_check int file_read(const char *path, size_t bytes_max, struct slice *text);
