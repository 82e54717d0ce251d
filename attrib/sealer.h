#pragma once

// Seals what is committed, in batches, and lets the heads leave the database.

#include <stdint.h>

#include "base/pg.h"

#define SEAL_TRANSACTIONS_MAX 1000 // of one seal; fewer: nothing was left

struct seal_counts {
    uint64_t seals, transactions, heads_failed;
};

// Seals until nothing waits, then appends to the file `heads` ("" is none) every head that it lacks. The
// caller holds the advisory lock. 0, an enum pg_condition or a negative errno; a file that cannot be written
// is only logged and counted: the next call tries again.
must_check int sealer_run(struct pg *pg, const char *heads, struct seal_counts *counts);
