#pragma once

// What a transaction that stored rows says besides: how many by hour, and what attrib must look at again.

#include "base/pg.h"
#include "ingest/row_batch.h"

// Inside the transaction, behind its COPYs. 0, a condition or -ENOMEM.
must_check int rollups_add(struct pg *pg, unsigned shard, const struct row_batch batches[COPY_TABLES]);
