#pragma once

// How many rows a load wrote, by table and hour: what the rows themselves are counted against.

#include "base/pg.h"
#include "ingest/row_batch.h"

struct stored_hour {
    enum copy_table table;
    uint64_t hour_ms; // begin of the hour, unix ms
    uint64_t hits;
};

// Counts the stored rows of one table. Pure. Returns how many were written to `out`, ascending by hour; it
// must have room for one per stored row.
size_t stored_hours_count(const struct row_batch *batch, enum copy_table table, struct stored_hour *out);

// Inside the load's transaction, behind its COPYs. 0, a condition or -ENOMEM.
must_check int stored_hours_add(struct pg *pg, unsigned shard, const struct row_batch batches[COPY_TABLES]);
