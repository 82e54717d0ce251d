#pragma once

// Frames without a journal: they live here until Redis says yes, or until their visitors cannot wait any
// longer.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "tracker/store.h"

#define HELD_WAIT_MS   2000
#define HELD_BYTES_MAX (16u << 20)

typedef void held_settled(void *ctx, uint64_t token, bool stored);

struct held_frame;

struct held {
    struct store *store;
    char stream_key[40];
    struct held_frame *first, *last; // in order of adding
    size_t bytes;
    bool refusing; // the last reply was an error
    held_settled *settled;
    void *ctx;
};

void held_init(struct held *held, struct store *store, unsigned shard, held_settled *settled, void *ctx);
// The stream of the next producer; nothing happens while frames of the one before wait.
void held_move(struct held *held, unsigned shard);
void held_deinit(struct held *held); // settles what is left with false; behind store_deinit()

// Takes a copy and sends it if Redis is there. 0, -ENOMEM or -ENOBUFS (HELD_BYTES_MAX). settled() follows
// later, unless token is 0.
must_check int held_add(struct held *held, uint64_t token, struct slice frame, uint64_t now_ms);

void held_up(struct held *held);   // sends all again, in order: what came twice is dropped by its seq
void held_down(struct held *held); // behind the replies
void held_tick(struct held *held, uint64_t now_ms);
