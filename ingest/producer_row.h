#pragma once

// Rows of `producer` and `lost_range`: how far each producer has got, read and moved inside one transaction.

#include "base/pg.h"
#include "ingest/apply.h"

#define PRODUCERS_PER_LOAD_MAX 64
#define PRODUCER_TEXT_BYTES    33 // 32 hex digits and NUL

struct producer_row {
    uint8_t producer[PRODUCER_BYTES];
    bool foreign; // belongs to another shard
    bool ended;
    uint64_t last_seq_before; // as read
    struct apply_position position;
    uint64_t stored, dead, lost;
};

enum producer_condition {
    PRODUCER_MOVED = 100, // somebody else moved the row: nothing of this transaction may stay
};

// Locks the rows of producers[0..n) that belong to the shard, in their order (ascending, no two equal), and
// fills the rest of each; makes the missing ones.
must_check int producer_rows_lock(struct pg *pg, unsigned shard, struct producer_row rows[], size_t n);

// Moves a row by compare-and-set. 0, PRODUCER_MOVED or a condition.
must_check int producer_row_save(struct pg *pg, const struct producer_row *row);

// The lost range that holds seq: *id is 0 when there is none.
must_check int lost_range_find(struct pg *pg, const uint8_t producer[PRODUCER_BYTES], uint64_t seq,
                               int64_t *id, struct lost_range *range);
must_check int lost_range_insert(struct pg *pg, const uint8_t producer[PRODUCER_BYTES],
                                 const struct lost_range *range, const char *reason);
// Puts what is left of a range in its place; keeps its reason and time.
must_check int lost_range_replace(struct pg *pg, int64_t id, const struct lost_range left[], size_t n);

void producer_format(const uint8_t producer[PRODUCER_BYTES], char out[PRODUCER_TEXT_BYTES]);
// Exactly 32 hex digits.
bool producer_parse(struct slice text, uint8_t out[PRODUCER_BYTES]);
