#pragma once

// Becoming the owner of a shard: what PostgreSQL must be like, the lock, and what both stores say about
// positions.

#include "ingest/shard.h"

enum takeover_condition {
    TAKEOVER_UNFIT = 300, // this PostgreSQL must not hold hits; *why says so
    TAKEOVER_LOCKED = 301,
};

// Settings of the session; refuses a server that could lose what it has committed.
must_check int takeover_session(struct pg *pg, const char **why);

// Tries the shard's advisory lock, held by the connection. 0, TAKEOVER_LOCKED or a condition.
must_check int takeover_lock(struct pg *pg, unsigned shard);

// Reads the positions of the shard from Redis, then from PostgreSQL, and draws a new rewind mark if
// PostgreSQL was put back. Fills positions and generation. 0, a condition of base/pg.h, or SHARD_REDIS.
must_check int takeover_positions(struct shard *shard, struct redis_client *redis);
