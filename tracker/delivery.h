#pragma once

// Which frame of a producer goes to Redis next, and when to go back: the sender's decisions. Pure; fed with
// events, never with time. A pass is one in-order walk over the frames from some seq on.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracker/position.h"

#define DELIVERY_FRAMES_MAX (1u << 18) // in Redis and not yet in PostgreSQL

enum delivery_state {
    DELIVERY_DOWN,     // no Redis
    DELIVERY_RUNNING,  // sends
    DELIVERY_DRAINING, // a pass was decided; waits for the replies to what was sent before
    DELIVERY_RESTING,  // a pass that may be in vain waits for some ticks
};

struct delivery_entry {
    uint64_t seq;
    struct stream_id id; // once answered
    uint32_t bytes;
};

struct delivery_counters {
    uint64_t passes, wants, vanished, not_stored, rewinds, resent_frames, confirmed_frames;
};

struct delivery {
    enum delivery_state state;
    bool up;
    uint64_t next;                              // the next seq to send
    uint64_t end;                               // one behind the last seq there is
    uint64_t base;                              // lowest seq there is
    uint64_t last;                              // PostgreSQL has all up to here
    bool ended;                                 // and the END frame
    char generation[POSITION_GENERATION_BYTES]; // "": no position was seen yet
    uint64_t pass_from;                         // DRAINING: where the pass will begin
    struct stream_id pass_id;                   // of the first entry of the pass
    bool pass_id_known;
    uint64_t sent_to;            // highest seq ever sent
    struct delivery_entry *ring; // sent and not confirmed, in order; [0, answered) have an id
    size_t first, count, answered, room;
    uint64_t window_bytes, window_max; // of the ring
    uint64_t unanswered_bytes;
    unsigned rest, rest_next, rest_max; // ticks
    struct delivery_counters counters;
};

// Begins in DELIVERY_DOWN with nothing sent; frames base..end-1 exist.
void delivery_init(struct delivery *d, uint64_t base, uint64_t end, uint64_t window_max);
void delivery_deinit(struct delivery *d);

void delivery_grow(struct delivery *d, uint64_t end);  // there are frames up to end - 1 now
void delivery_trim(struct delivery *d, uint64_t base); // and none below base

// Connected. `same`: to the Redis that we knew, with its data: what it answered is there.
void delivery_up(struct delivery *d, bool same);
void delivery_down(struct delivery *d); // after every outstanding reply was settled as not stored

// May d->next be sent? False at the head, with a full window, or while waiting.
bool delivery_ready(const struct delivery *d);
bool delivery_window_full(const struct delivery *d);

// Frame `seq` cannot be had, the next one that can is `found` (d->next < found). The gap is passed only when
// PostgreSQL has all before it, so that ingest is told of exactly this gap. True: d->next is `found` now.
bool delivery_skip(struct delivery *d, uint64_t found);

// d->next was sent. 0 or -ENOMEM (before it is sent: call delivery_reserve()).
must_check int delivery_reserve(struct delivery *d);
void delivery_sent(struct delivery *d, uint32_t bytes);

// The reply to the oldest unanswered entry. `id` is of interest only if stored.
void delivery_answer(struct delivery *d, bool stored, struct stream_id id);

// What ingest published. True if the position was believed and moved.
bool delivery_position(struct delivery *d, const struct position *position);

// The oldest entry whose presence in the stream may be checked; false: none.
bool delivery_probe(const struct delivery *d, uint64_t *seq, struct stream_id *id);
// That entry is not in the stream; call behind delivery_position() with a position read later than that.
void delivery_vanished(struct delivery *d, uint64_t seq);

// About four times a second.
void delivery_tick(struct delivery *d);
