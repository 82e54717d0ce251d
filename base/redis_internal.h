#pragma once

// What client and link share, for base/redis.c and base/redis_link.c alone.

#include <sys/time.h>

#include "base/redis.h"

#define CONNECT_TIMEOUT_MS 1000
#define REPLY_TIMEOUT_MS   5000

static inline unsigned or_default(unsigned value, unsigned standard)
{
    return value > 0 ? value : standard;
}

static inline struct timeval ms_timeval(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

// The command that logs in; returns how many words it has.
static inline size_t auth_args(const struct redis_options *options, struct slice args[3])
{
    size_t n = 0;
    args[n++] = SLICE("AUTH");
    if (options->user)
        args[n++] = slice_of(options->user);
    args[n++] = slice_of(options->password);
    return n;
}
