#pragma once

// The shards of this process: which of them are its own, and one turn's work on all of them.

#include "ingest/member.h"
#include "ingest/settings.h"
#include "ingest/shard.h"

struct shards {
    struct shard_options options;
    struct member_options member_options;
    struct member member;
    struct counters *counters;
    struct shard *all; // by number
    unsigned n;        // those that were ever heard of: numbers below it
    uint64_t tick_ms;
};

// 0 or -ENOMEM. The settings must outlive it.
must_check int shards_init(struct shards *shards, const struct ingest_settings *settings,
                           struct counters *counters);
void shards_deinit(struct shards *shards);

// Divides the shards if it is time, then gets each of ours further. redis may be NULL. 0 or SHARD_REDIS.
must_check int shards_advance(struct shards *shards, struct redis_client *redis);

// What is due every second. 0 or SHARD_REDIS.
must_check int shards_tick(struct shards *shards, struct redis_client *redis);

// The cursors of the shards that can be loaded now.
size_t shards_cursors(const struct shards *shards, struct stream_cursor cursors[MEMBER_SHARDS_MAX]);

// Loads what stream_read() gave of so many entries of each stream. 0 or an enum shard_condition.
must_check int shards_load(struct shards *shards, struct redis_client *redis,
                           const struct redis_reply *streams, unsigned asked);

void shards_redis_lost(struct shards *shards);

// Sets the gauges; whether the process takes part and every shard of ours has its connection.
bool shards_healthy(struct shards *shards);
