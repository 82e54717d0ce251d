#pragma once

// Setting aside what cannot be loaded.

#include "base/pg.h"
#include "ingest/counters.h"
#include "ingest/delivery.h"

struct dead_letter {
    enum dead_kind kind;
    uint64_t hits; // that are only here
    const char *reason;
    struct slice bytes;
};

// Inside a transaction; the letter carries the delivery's place. Headers, payloads and forks are written
// once, also when the same entry (or for a fork the same frame) comes again: *written tells. 0 or a
// condition.
must_check int dead_letter_write(struct pg *pg, unsigned shard, const struct delivery *delivery,
                                 const struct dead_letter *letter, bool *written);
