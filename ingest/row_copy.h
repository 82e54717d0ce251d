#pragma once

// Copying a batch into its table, whatever rows are in it.

#include "base/pg.h"
#include "ingest/part.h"
#include "ingest/row_batch.h"

enum row_refusal {
    ROW_REFUSED,       // PostgreSQL does not take it
    ROW_THERE,         // its id is there, with the same content
    ROW_THERE_DIFFERS, // its id is there, with other content
};

// Called inside the transaction for each row that did not go in; 0 or what stops the load.
typedef int row_refused(void *ctx, const struct batch_row *row, enum row_refusal refusal, const char *why);

// Inside a transaction. `into.day` is the one that all rows belong to, or COPY_ANY_DAY. Sets `stored` of each
// row that went in. 0, or a condition that concerns the whole load (then the transaction must be rolled
// back).
must_check int row_copy(struct pg *pg, enum copy_table table, struct part into, struct row_batch *batch,
                        row_refused *refused, void *ctx);
