#pragma once

// What trackers say they have answered, by producer: cl:accepted:{N}, producer -> hits.

#include "base/pg.h"
#include "ingest/stream.h"

enum accepted_condition {
    ACCEPTED_REDIS = 110, // Redis failed: close the client
};

// Notes the numbers of a shard in PostgreSQL, and forgets those of producers that have ended with all of
// their hits. *lost grows by the hits of such that ended long ago without some. 0, ACCEPTED_REDIS, a
// condition of base/pg.h or -ENOMEM.
must_check int accepted_note(struct pg *pg, struct redis_client *redis, unsigned shard, uint64_t *lost);
