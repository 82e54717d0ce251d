#pragma once

// Publishes the catalog: from PostgreSQL, where the team changes it, to Redis, where trackers follow it. A
// step does all there is to do and may be interrupted anywhere; the next one, here or in another ingest,
// repairs what it left.

#include <stdbool.h>
#include <stdint.h>

#include "base/pg.h"
#include "base/redis.h"
#include "base/util.h"
#include "ingest/catalog_source.h"
#include "ingest/publication.h"

#define PUBLISHER_LOG_ENTRIES_MAX 25000 // beyond that a new image is cheaper than the log
#define PUBLISHER_RETRY_MS        5000  // after an image that could not be published
#define PUBLISHER_BULK_MS         10000 // between images while masses of changes are being numbered
#define PUBLISHER_REVIEW_MS       1000  // between reviews of links: how late a reached cap is noticed
#define PUBLISHER_REVIEW_SHARE    20    // a review takes at most one in so many milliseconds

enum publisher_condition {
    PUBLISHER_STANDBY = 1,       // another ingest publishes
    PUBLISHER_MORE = 2,          // more is waiting: call again soon
    PUBLISHER_POSTGRES = 3,      // a statement failed: pg_error(), pg_alive()
    PUBLISHER_REDIS_LOST = 4,    // the client is broken: close it, open another
    PUBLISHER_REDIS_REFUSED = 5, // an error reply; logged
};

// What is to be done, from what the two stores hold. Pure.
enum publisher_action {
    PUBLISHER_NOTHING,
    PUBLISHER_APPEND,  // to the log
    PUBLISHER_REBUILD, // a new image, a shorter log
    PUBLISHER_REPLACE, // what Redis holds is nothing, another installation's, or ahead of a restored
                       // PostgreSQL
};

enum publisher_action publisher_decide(const struct catalog_source *source,
                                       const struct publication *publication);

// Starts with {0}. The counters are for /metrics.
struct publisher {
    uint64_t retry_not_before_ms, bulk_not_before_ms, review_not_before_ms;
    uint64_t changes, entries, images, exhausted;
};

// `redis` NULL: there is none at the moment; changes are numbered and wait. `now_ms` is monotonic. `pg`
// stands outside of a transaction. 0 (nothing is left to do), an enum publisher_condition, or -ENOMEM.
must_check int publisher_step(struct publisher *publisher, struct pg *pg, struct redis_client *redis,
                              uint64_t now_ms);
