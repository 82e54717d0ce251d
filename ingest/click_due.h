#pragma once

// What a load leaves to be looked at behind it: spans of clicks of people, by hour, for duplicates and unique
// visitors.

#include "base/pg.h"
#include "ingest/row_batch.h"

struct click_span {
    uint64_t from_ms, to_ms; // unix, of one hour
    uint64_t clicks;
};

// The spans of the stored clicks of people. Pure. Returns how many were written to `out`, which must have
// room for one per row.
size_t click_spans(const struct row_batch *clicks, struct click_span *out);

// Writes them to click_due, inside the load's transaction. 0, a condition or -ENOMEM.
must_check int click_due_tell(struct pg *pg, const struct row_batch *clicks);
