#pragma once

// The Redis of a recorder: is it fit to be written to, and is it the one we knew?

#include <stdbool.h>

#include "base/redis.h"

struct event_base;

#define STORE_RUN_ID_BYTES 41

enum store_state {
    STORE_DOWN,
    STORE_CHECKING, // connected; asked what it is
    STORE_READY,
    STORE_EVICTS, // an allkeys-* policy would delete hits: nothing is written to it
};

struct store_events {
    void (*ready)(void *ctx, bool same); // `same`: run id as before, what it answered is still there
    void (*down)(void *ctx);             // after ready() only
};

struct store {
    struct redis_link *link;
    enum store_state state;
    char run_id[STORE_RUN_ID_BYTES];
    bool persistent; // appendonly yes
    const struct store_events *events;
    void *ctx;
    uint64_t connects, losses;
};

// 0 or negative errno. Neither may move nor go before store_deinit().
must_check int store_init(struct store *store, struct event_base *base, const struct redis_options *options,
                          const struct store_events *events, void *ctx);
void store_deinit(struct store *store); // pending handlers are called with NULL

// Asks whether it evicts once more: its policy may have been changed. Every few seconds.
void store_recheck(struct store *store);

// What a command was answered with. A refusal that says that this is the wrong Redis (READONLY, MOVED,
// NOAUTH) gives the connection up: the right one may be behind the address by now.
void store_answered(struct store *store, int condition);

static inline bool store_is_ready(const struct store *store)
{
    return store->state == STORE_READY;
}
