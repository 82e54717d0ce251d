#pragma once

// Brings the catalog from Redis to files and tells the workers. One per host, in the supervisor, on its
// libevent loop.

#include <stdint.h>

#include "base/redis.h"
#include "base/util.h"
#include "tracker/catalog.h"

struct catalog_sync;
struct event_base;

// Takes up what an earlier run left in `dir` (made if it is not there), so that workers can start with Redis
// away, then follows Redis. Strings of `options` and `shared` must outlive it. 0 or negative errno.
must_check int catalog_sync_new(struct catalog_sync **sync, struct event_base *base, const char *dir,
                                const struct redis_options *options, struct catalog_shared *shared);
struct catalog_sync *catalog_sync_free(struct catalog_sync *sync); // NULL; takes NULL

// Monotonic ms of the last time that Redis said what its newest catalog is; 0: never.
uint64_t catalog_sync_heard_ms(const struct catalog_sync *sync);
