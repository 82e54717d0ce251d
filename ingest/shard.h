#pragma once

// A shard of the stream of hits: who owns it, and what its owner does with it.

#include "ingest/loader.h"
#include "ingest/stream.h"

enum shard_state {
    SHARD_APART,   // no connection to PostgreSQL; the only state of a shard that is not ours to look after
    SHARD_WAITING, // connected; not the owner yet
    SHARD_TAKEN,   // ours; Redis has not been asked yet
    SHARD_WORKING, // ours; entries are read and loaded
};

struct shard_options {
    const char *conninfo;
    const char *session; // what PostgreSQL calls the connections
    struct load_limits limits;
    uint64_t keep_ended_ms, keep_open_ms; // how long positions are published after a producer's last frame
};

enum shard_condition {
    SHARD_REDIS = 200,           // Redis failed: close the client
    SHARD_VERSION_UNKNOWN = 201, // a frame of a newer release: stop
};

struct shard {
    unsigned id;
    enum shard_state state;
    bool assigned; // we should own it
    const struct shard_options *options;
    struct counters *counters;
    struct pg *pg;
    struct loader *loader;
    struct positions positions;
    char generation[GENERATION_BYTES];
    char cursor[STREAM_ID_BYTES];
    struct stream_ids taken; // entries of the running load
    uint64_t day;            // whose partitions are prepared
    uint64_t retry_ms;       // monotonic: nothing is tried before
    uint64_t pause_ms;       // the last pause
    uint64_t accepted_ms;    // monotonic: when accepted hits are looked at again
    bool complained;         // the present trouble was logged
};

void shard_init(struct shard *shard, unsigned id, const struct shard_options *options,
                struct counters *counters);
void shard_deinit(struct shard *shard);

// Whether it is ours to own: one that is not is let go at once.
void shard_assign(struct shard *shard, bool assigned);
bool shard_is_ours(const struct shard *shard); // the lock is held, as far as we know

// Gets an assigned shard further towards SHARD_WORKING, if it is time. redis may be NULL. 0 or SHARD_REDIS.
must_check int shard_advance(struct shard *shard, struct redis_client *redis, uint64_t now_ms,
                             uint64_t monotonic_ms);

// Redis was lost: positions and stream must be looked at again.
void shard_redis_lost(struct shard *shard);

bool shard_reads(const struct shard *shard, uint64_t monotonic_ms); // working and not in a pause

// Loads the entries that XREAD gave of `asked`, publishes, deletes them. Where many more wait, it may do so
// only when more was read, or with shard_loaded(), which ends a load behind which nothing came. 0 or an enum
// shard_condition.
must_check int shard_load(struct shard *shard, struct redis_client *redis, const struct redis_reply *entries,
                          unsigned asked, uint64_t now_ms, uint64_t monotonic_ms);
must_check int shard_loaded(struct shard *shard, struct redis_client *redis, uint64_t now_ms,
                            uint64_t monotonic_ms);

// Once a second: is the connection alive, all positions, the state of the stream. redis may be NULL. 0 or
// SHARD_REDIS.
must_check int shard_tick(struct shard *shard, struct redis_client *redis, uint64_t now_ms,
                          uint64_t monotonic_ms);
