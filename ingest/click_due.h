#pragma once

// What a load leaves to be looked at behind it: spans of clicks of people, by hour, with what is needed to
// find their duplicates and unique visitors.

#include "base/pg.h"
#include "ingest/click_group.h"

struct click_span {
    uint64_t hour_ms; // unix
    uint64_t from_ms, to_ms, clicks;
    size_t people_bytes; // of its groups in click_due.people
};

// click_due.people: of each programme, partner and link a head (little-endian: 3 times 8 bytes, and 4 for how
// many) and the places of their visitors in sketches, of 2 bytes. Clicks without a partner are not among
// them.
#define PEOPLE_HEAD_BYTES  28
#define PEOPLE_PLACE_BYTES 2

// The spans of the stored clicks of people, and which one each group belongs to (those of others: none).
// Pure. Returns how many; both outputs must have room for one per group.
size_t click_spans(const struct row_batch *clicks, const struct click_groups *groups,
                   struct click_span *spans, uint32_t *span_of);

// Writes them to click_due, inside the load's transaction. 0, a condition or -ENOMEM.
must_check int click_due_tell(struct pg *pg, const struct row_batch *clicks,
                              const struct click_groups *groups);
