#pragma once

// The producers of one load: whose frames it brings, and how far each of them has got.

#include "base/pg.h"
#include "base/slice.h"
#include "ingest/producer_row.h"

#define EVIDENCE_BYTES 44 // "<ms>-<n>" with NUL

// What is to be published of a producer after the load.
struct loaded_producer {
    struct producer_row row;
    bool locked;
    bool gap;                      // a gap was seen: it waits for row.position.last_seq + 1
    char evidence[EVIDENCE_BYTES]; // entry that showed it
};

struct load_producers {
    struct loaded_producer all[PRODUCERS_PER_LOAD_MAX]; // ascending
    size_t n;
};

// Before it is locked: of whom the load brings frames. False: there are PRODUCERS_PER_LOAD_MAX others.
bool load_producers_note(struct load_producers *producers, const uint8_t producer[PRODUCER_BYTES]);

// Of one that was noted.
size_t load_producers_index(const struct load_producers *producers, const uint8_t producer[PRODUCER_BYTES]);

void load_producers_unlock(struct load_producers *producers); // a transaction begins

// Before their frames: reads those that are not locked yet, as producer_rows_lock() does. Last in the
// transaction: moves those that are not foreign.
must_check int load_producers_lock(struct load_producers *producers, struct pg *pg, unsigned shard);
must_check int load_producers_save(const struct load_producers *producers, struct pg *pg);
