#pragma once

// The lines of a report, from its JSON into the text that its hit carries.

#include "base/hit.h"
#include "base/slice.h"
#include "base/scratch.h"

// `json` is a list of flat objects. 0 (HIT_REASON_NONE), *text and the sum of their amounts, or why not.
enum hit_reason report_lines_read(struct slice json, unsigned exponent, struct scratch *scratch,
                                  struct slice *text, int64_t *sum_minor);
