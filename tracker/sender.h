#pragma once

// Sends one producer's frames to Redis, in order: live ones from memory, the others from the journal.

#include <stdbool.h>
#include <stdint.h>

#include "tracker/delivery.h"
#include "tracker/journal_cursor.h"
#include "tracker/store.h"

#define SENDER_KEY_BYTES 40

struct recorder_counters;

struct sender {
    struct delivery delivery;
    struct store *store;
    struct journal_cursor cursor;
    char stream_key[SENDER_KEY_BYTES], position_key[SENDER_KEY_BYTES];
    const char *name;                // the producer in hex: the folder's
    uint64_t base, hits_before_base; // of the journal: lowest seq that can be read
    uint64_t run_base, run_hits;     // of the frames behind the last gap that was passed; 0: none
    uint64_t probe_seq;              // the entry an XRANGE was sent for; 0: none
    uint64_t probe_last;             // the oldest entry at the poll before
    bool probe_gone;
    bool stopped;
    struct recorder_counters *counters;
    struct delivery_counters accounted; // of delivery.counters, in *counters
};

// "cl:pos:{shard}"; the length.
size_t sender_position_key(unsigned shard, char out[SENDER_KEY_BYTES]);

// The folder holds frames base..end-1 and must outlive the sender, like the store.
void sender_init(struct sender *sender, struct store *store, const struct journal_folder *folder,
                 uint64_t base, uint64_t hits_before_base, uint64_t end, uint64_t window_bytes,
                 struct recorder_counters *counters);
void sender_deinit(
    struct sender *sender); // no reply may be outstanding: store_deinit() or sender_idle() first

void sender_up(struct sender *sender, bool same);
void sender_down(struct sender *sender);

void sender_stop(struct sender *sender); // sends nothing more; what is outstanding is still answered

// A frame that was just journaled: at once if it is its turn, else the journal will have it.
void sender_live(struct sender *sender, uint64_t seq, struct slice frame);
void sender_trim(struct sender *sender, uint64_t base, uint64_t hits_before_base);

// Sends from the journal as much as is good at once; replies bring it on.
void sender_pump(struct sender *sender);

// About four times a second: sender_probe(), then HGET or HMGET of position_key, then sender_position() with
// the reply's text (SLICE_NONE: no position).
void sender_tick(struct sender *sender);
void sender_probe(struct sender *sender);
void sender_position(struct sender *sender, struct slice text);

bool sender_idle(const struct sender *sender);       // nothing is outstanding
uint64_t sender_behind(const struct sender *sender); // frames that were not sent yet

// The base that a frame which is built now carries.
uint64_t sender_base(const struct sender *sender, uint64_t *hits_before_base);
