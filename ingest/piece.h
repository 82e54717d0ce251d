#pragma once

// A piece of a load: the frames that are in memory at once, and what a transaction keeps of one piece for the
// next.

#include "base/pg.h"
#include "ingest/counters.h"
#include "ingest/days.h"
#include "ingest/delivery.h"
#include "ingest/load_producers.h"
#include "ingest/part.h"
#include "ingest/row_batch.h"
#include "ingest/unpacked.h"

enum piece_condition {
    PIECE_DAYS = 101, // partitions are missing: load.days knows which
};

// Start with {0}.
struct load {
    // Of the transaction:
    struct pg *pg;
    unsigned shard;
    uint64_t today;
    bool large; // its clicks make a part of their day
    struct part part;
    struct load_producers producers;
    struct days days;
    struct counters counts;

    // Of the running piece, reused for every one:
    const struct delivery *deliveries;
    struct row_batch batches[COPY_TABLES];
    struct unpacked unpacked;
};

void load_deinit(struct load *load);

// Inside the transaction. 0, PIECE_DAYS, PART_NONE or a condition: then it must be rolled back.
must_check int piece_load(struct load *load, const struct delivery deliveries[], size_t n);
