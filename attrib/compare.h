#pragma once

// `clickledger-attrib compare`: what two models would give for the same orders. Nothing is written.

#include <stdint.h>

#include "base/util.h"

struct compare_options {
    const char *models[2];
    int64_t from_ms, to_ms; // [from, to)
    int64_t program_id;     // 0: all
};

// Prints a line per partner and one of sums. The exit status.
must_check int compare_run(const char *conninfo, const struct compare_options *options);
