#pragma once

// Clicks counted by hour and what they belong to: the rows of click_hourly that one load adds.

#include "base/pg.h"
#include "ingest/row_batch.h"

struct hourly_row {
    uint64_t hour_ms; // begin of the hour, unix ms
    uint64_t program_id, partner_id, link_id;
    uint8_t class;
    uint64_t clicks;
};

// Counts the stored rows. Pure. Returns how many rows were written to `out`, sorted; it must have room for
// one per stored row.
size_t hourly_count(const struct row_batch *clicks, struct hourly_row *out);

// Adds the stored clicks of a load, inside its transaction. 0, a condition or -ENOMEM.
must_check int hourly_add(struct pg *pg, unsigned shard, const struct row_batch *clicks);
