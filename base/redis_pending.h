#pragma once

// Who waits for the replies of a link: a queue that grows to REDIS_PENDING_MAX. For base/redis.c alone.

#include <stddef.h>

#include "base/redis.h"

struct redis_waiter {
    redis_handler *handler;
    void *ctx;
};

struct redis_pending {
    struct redis_waiter *ring;
    size_t first, count, room; // room is a power of 2
};

// Makes room for one more. 0 or -ENOBUFS.
must_check int redis_pending_reserve(struct redis_pending *pending);
void redis_pending_push(struct redis_pending *pending, struct redis_waiter waiter); // behind a reserve
struct redis_waiter redis_pending_pop(struct redis_pending *pending);               // count > 0
void redis_pending_deinit(struct redis_pending *pending);
