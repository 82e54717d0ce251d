// The queue of waiters of a link, a ring that doubles. Owner: one redis_link. Limit: REDIS_PENDING_MAX
// waiters. Room is reserved before a command is sent, so that a sent command always finds its place.

#include "base/redis_pending.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 64

int redis_pending_reserve(struct redis_pending *pending)
{
    if (pending->count < pending->room)
        return 0;
    size_t room = pending->room ? pending->room * 2 : ROOM_FIRST;
    struct redis_waiter *ring = room <= REDIS_PENDING_MAX ? calloc(room, sizeof(*ring)) : NULL;
    if (!ring)
        return -ENOBUFS;
    for (size_t i = 0; i < pending->count; i++)
        ring[i] = pending->ring[(pending->first + i) & (pending->room - 1)];
    free(pending->ring);
    *pending = (struct redis_pending){ring, 0, pending->count, room};
    return 0;
}

void redis_pending_push(struct redis_pending *pending, struct redis_waiter waiter)
{
    assert(pending->count < pending->room);
    pending->ring[(pending->first + pending->count++) & (pending->room - 1)] = waiter;
}

struct redis_waiter redis_pending_pop(struct redis_pending *pending)
{
    assert(pending->count > 0);
    struct redis_waiter waiter = pending->ring[pending->first];
    pending->first = (pending->first + 1) & (pending->room - 1);
    pending->count--;
    return waiter;
}

void redis_pending_deinit(struct redis_pending *pending)
{
    free(pending->ring);
    *pending = (struct redis_pending){0};
}
