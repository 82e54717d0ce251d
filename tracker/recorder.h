#pragma once

// Records the hits of a worker: one recorder per worker process. It owns the producer, its journal, its link
// to Redis and what follows from their failures. The worker's turn is
//     event_base_loop(EVLOOP_ONCE);          handlers call recorder_add() before they answer
//     r = recorder_turn_end(recorder);       RECORDER_RETRY: http_conn_retry() for every answer of this turn
//     http_server_flush(server);
// The mode changes only inside recorder_turn_end(), never while a turn collects hits.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hit.h"
#include "base/metrics.h"
#include "base/redis.h"

struct event_base;
struct recorder;

enum recorder_mode {
    RECORDER_JOURNALED, // answers may be flushed when the turn has ended
    RECORDER_HELD,      // no journal: hold each answer of the turn until settled() tells its token
    RECORDER_BLIND,     // neither journal nor Redis: answer without a click id; recorder_add() counts it lost
};

enum recorder_condition {
    RECORDER_FULL = 1,    // recorder_add: the turn's frame has no room; end the turn, then add again
    RECORDER_REFUSED = 2, // recorder_add: the hit breaks a limit of base/hit.h; answer without recording it
    RECORDER_RETRY = 3, // recorder_turn_end: nothing of this turn was recorded; answer again in the new mode
};

struct recorder_options {
    const char *journal_dir; // made if it is not there
    const char *host;        // noted in the journal's meta
    unsigned worker;
    unsigned shard;             // at the start; later see recorder_move()
    bool adopt;                 // looks after journals without an owner; true for one worker of a host
    int64_t journal_sync_ms;    // fdatasync beside the loop; 0: before recorder_turn_end() returns
    int64_t journal_keep_ms;    // after PostgreSQL has it
    int64_t journal_keep_bytes; // of a live journal, and again of all adopted ones
    int64_t segment_bytes;      // at least RECORDER_SEGMENT_BYTES_MIN
    int64_t redis_window_bytes; // in Redis and not yet in PostgreSQL, per producer
    struct redis_options redis;
};

#define RECORDER_SEGMENT_BYTES_MIN (1 << 20)
#define RECORDER_TURN_BYTES        (1 << 19) // payload of one turn's frame; more is RECORDER_FULL

// Written by this process only; may lie in shared memory. Hits unless named otherwise.
struct recorder_counters {
    uint64_t accepted, journaled, held, settled, refused_by_redis, lost, too_large;
    uint64_t frames, frame_bytes, retried_turns;
    uint64_t sent_frames, sent_bytes, confirmed_frames, resent_frames, passes, wants, vanished, rewinds,
        not_stored;
    uint64_t hole_frames, hole_hits, gap_frames, torn_bytes;
    uint64_t syncs, journal_failures, segments, segments_trimmed, journal_bytes;
    uint64_t window_bytes, window_full, behind_frames;
    uint64_t redis_up, redis_connects, redis_losses, redis_persistent, redis_evicts;
    uint64_t adopted, adopted_waiting;
    uint64_t mode; // enum recorder_mode
};

extern const struct metric recorder_metrics[];
extern const size_t recorder_metrics_count;

// HELD mode: Redis has the frame of that turn (release its answers), or it has not (retry them).
typedef void recorder_settled(void *ctx, uint64_t token, bool stored);

// 0 or negative errno. A journal that cannot be had is no error: the recorder starts without. The options'
// strings must outlive the recorder.
must_check int recorder_open(struct recorder **recorder, struct event_base *base,
                             const struct recorder_options *options, struct recorder_counters *counters,
                             recorder_settled *settled, void *ctx);
// NULL; takes NULL. Flushes and leaves the journal to the next owner. Unsettled turns are settled with false.
struct recorder *recorder_close(struct recorder *recorder);

enum recorder_mode recorder_mode(const struct recorder *recorder);

// The token under which the turn that collects now will be settled (HELD mode).
uint64_t recorder_token(const struct recorder *recorder);

// The shard of producers to come. A journal on another one is left to adoption within a second, and a new
// producer begins. Cheap when nothing changes.
void recorder_move(struct recorder *recorder, unsigned shard);

// Looks for journals without an owner soon, not only every ten seconds.
void recorder_adopt_soon(struct recorder *recorder);

// Adds a hit to the turn's frame. 0, RECORDER_FULL or RECORDER_REFUSED. Nothing is kept of *hit.
must_check int recorder_add(struct recorder *recorder, const struct hit *hit);

// Ends the turn; cheap when nothing was added. 0 or RECORDER_RETRY.
must_check int recorder_turn_end(struct recorder *recorder);

// From now on frames go to Redis at once: the worker is about to end, and who owns its journal next may be
// long in coming.
void recorder_hurry(struct recorder *recorder);

// Runs `clickledger-tracker drain`: sends what the journals without an owner hold until PostgreSQL has it all
// and every producer has ended, telling progress on stdout. Makes its own loop. 0 or negative errno; -EBUSY
// if journals are still owned by a running tracker.
must_check int recorder_drain(const struct recorder_options *options);
