#pragma once

// Text of a request made fit to be kept: decoded, valid UTF-8, no NUL, no longer than it may be. Never fails:
// what is bad is replaced or cut. Results point into the input where nothing had to change, else into the
// scratch.

#include "base/slice.h"
#include "base/scratch.h"

#define TEXT_MAX 2048 // largest `max`

// At most `max` bytes of `text`.
struct slice text_keep(struct slice text, size_t max, struct scratch *scratch);

// The same of a percent-encoded value of a query: '+' is a space, a '%' without two hex digits stands for
// itself.
struct slice text_decode(struct slice encoded, size_t max, struct scratch *scratch);
