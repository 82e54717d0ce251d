#pragma once

// Credits of all conversions of a period, computed and written in one pass.

#include "base/pg.h"

#define CREDIT_WRITERS 2

struct credit_pass {
    struct pg *reader, *writers[CREDIT_WRITERS]; // of one database; the first writer leads
    int64_t from_us, to_us;                      // [from, to)
    size_t orders_max;                           // conversions of a batch; with their touches it is in memory
    // Written by credit_pass_run().
    uint64_t conversions, touches, credits, batches;
    uint64_t credit_ms,
        rollup_ms; // reading, deciding and writing; what they are in the rollup, before and after
};

// One transaction for each writer's hours, committed one after the other. 0, an enum pg_condition or a
// negative errno; then none or some of the hours have their new credits, each of them whole; the
// connections are to be closed, and it may be run again.
must_check int credit_pass_run(struct credit_pass *pass);
