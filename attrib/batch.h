#pragma once

// One batch: a bounded number of orders from the list to the ledger, in one transaction.

#include <stdbool.h>
#include <stdint.h>

#include "base/pg.h"

#define BATCH_ORDERS_MAX      1000 // of each sort: open reports, decisions, late touches, ended holds
#define BATCH_TOUCH_LOADS_MAX 256
#define BATCH_TERMS_MAX       256 // and policies
#define BATCH_TRIES_MAX       5

// Added up over batches.
struct batch_counts {
    uint64_t batches; // that had something to do
    uint64_t touch_loads, orders, reports, conversions, credits, commissions, transactions, faults, retries;
};

// 0, an enum pg_condition or a negative errno; then nothing was done. *did tells whether there was anything
// to do: if so, there may be more. Orders that fail are set aside, one by one, so that the others go on.
must_check int batch_run(struct pg *pg, struct batch_counts *counts, bool *did);

// What a batch does with orders, in the caller's transaction. `list`: rows as of order_take().
must_check int batch_orders(struct pg *pg, const struct pg_result *list, struct batch_counts *counts);

// Batches of all sessions exclude each other, the leader's and those of commands. Taken before the
// transaction begins, so that its snapshot has what the one before has written; ends with the session, too.
must_check int batch_lock(struct pg *pg);
must_check int batch_unlock(struct pg *pg);
