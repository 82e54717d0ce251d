#pragma once

// One transaction of ingest: frames in, rows and positions out, or nothing at all.

#include "base/pg.h"
#include "ingest/counters.h"
#include "ingest/delivery.h"
#include "ingest/producer_row.h"

struct loader;

struct load_limits {
    size_t hits_max;  // of one transaction; a single frame may hold more
    size_t bytes_max; // of its payloads
};

// What is to be published of a producer after the load.
struct loaded_producer {
    struct producer_row row;
    bool gap;              // a gap was seen: it waits for row.position.last_seq + 1
    struct slice evidence; // entry that showed it
};

enum load_condition {
    LOAD_MOVED = PRODUCER_MOVED, // another process works on this shard
    LOAD_DAYS = 101,             // partitions had to be made first and could not
};

struct loader *loader_new(const struct load_limits *limits); // NULL with errno
struct loader *loader_free(struct loader *loader);           // NULL; takes NULL

// Makes the partitions of yesterday to the day after tomorrow's morrow, and forgets which others there are.
// At take-over and once a day.
must_check int loader_prepare_days(struct loader *loader, struct pg *pg, uint64_t now_ms);

// Loads as many of the deliveries as the limits allow, at least one: *done tells how many. 0, or a condition
// of base/pg.h or above: then nothing was loaded (after PG_LOST: perhaps all). No delivery may have an
// unknown version. Adds to the counters what it did. The deliveries' slices must live until
// loader_producers() was read.
must_check int loader_load(struct loader *loader, struct pg *pg, unsigned shard, uint64_t now_ms,
                           const struct delivery deliveries[], size_t n, size_t *done,
                           struct counters *counters);

// The producers of the last load, after it returned 0.
const struct loaded_producer *loader_producers(const struct loader *loader, size_t *n);
