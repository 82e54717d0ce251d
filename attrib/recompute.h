#pragma once

// `clickledger-attrib recompute`: computes the conversions of a range anew and posts, or only shows, what
// differs.

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

struct recompute_options {
    int64_t from_ms, to_ms; // [from, to)
    int64_t program_id;     // 0: all
    int64_t terms_id;       // 0: those in force; only of a dry run
    bool dry;
};

// Prints the differences, the totals per partner, and one line of sums. The exit status.
must_check int recompute_run(const char *conninfo, const struct recompute_options *options);
