#pragma once

// One transaction of ingest: frames in, rows and positions out, or nothing at all.

#include "base/pg.h"
#include "ingest/counters.h"
#include "ingest/delivery.h"
#include "ingest/piece.h"

struct loader;

struct load_limits {
    size_t hits_max;   // of one piece, which is a transaction unless it is a large one; a frame may hold more
    size_t bytes_max;  // of its payloads
    size_t large_hits; // of a large one, which is made where half of them wait; 0: never
};

// What was read of a stream, in its order.
struct load_input {
    const struct delivery *deliveries; // none of an unknown version
    size_t n;                          // at least 1
    uint64_t waiting_hits;             // of these and of all behind them, about
};

enum load_condition {
    LOAD_MOVED = PRODUCER_MOVED, // another process works on this shard
    LOAD_DAYS = PIECE_DAYS,      // partitions had to be made first and could not
    LOAD_OPEN = 103,             // taken, not committed: the load goes on
};

struct loader *loader_new(const struct load_limits *limits); // NULL with errno
struct loader *loader_free(struct loader *loader);           // NULL; takes NULL

// Makes the partitions of yesterday to the day after tomorrow's morrow, and forgets which others there are.
// At take-over and once a day.
must_check int loader_prepare_days(struct loader *loader, struct pg *pg, uint64_t now_ms);

// Loads as many of the deliveries as a piece may have: *done tells how many. 0: they are committed, and with
// them all that were taken since the last commit (*done may be 0 then). LOAD_OPEN: they were taken for a
// large load, which makes a part of the day of its clicks; others must follow, or loader_close(). A condition
// of base/pg.h or above: nothing was loaded (after PG_LOST: perhaps all), also of what was taken; PG_RETRY
// for whatever a large load failed of, and loads are small for a while. Adds to the counters what was
// committed.
must_check int loader_load(struct loader *loader, struct pg *pg, unsigned shard, uint64_t now_ms,
                           const struct load_input *input, size_t *done, struct counters *counters);

bool loader_is_open(const struct loader *loader); // something was taken that is not committed; takes NULL

// Ends an open load: 0 or a condition, as of loader_load().
must_check int loader_close(struct loader *loader, uint64_t now_ms, struct counters *counters);

void loader_abandon(struct loader *loader); // gives up an open load; takes NULL

// The producers of the last load, after it was committed.
const struct loaded_producer *loader_producers(const struct loader *loader, size_t *n);
