#pragma once

// Credits of all conversions of a period, computed and written in one pass.

#include "base/pg.h"

struct credit_pass {
    struct pg *reader, *writer; // of one database; the writer leads
    int64_t from_us, to_us;     // [from, to)
    // Written by credit_pass_run().
    uint64_t conversions, touches, credits;
    uint64_t credit_ms,
        rollup_ms; // reading, deciding and writing; what they are in the rollup, before and after
};

// One transaction. 0, an enum pg_condition or a negative errno; then nothing was written.
must_check int credit_pass_run(struct credit_pass *pass);
