#pragma once

// Room for the strings of one request: taken from the front, given back all at once.

#include <stddef.h>

#define SCRATCH_BYTES 65536

struct scratch {
    size_t used;
    char data[SCRATCH_BYTES];
};

// NULL when the room has run out; nothing is taken then.
static inline char *scratch_take(struct scratch *scratch, size_t bytes)
{
    if (SCRATCH_BYTES - scratch->used < bytes)
        return NULL;
    char *at = scratch->data + scratch->used;
    scratch->used += bytes;
    return at;
}

static inline size_t scratch_left(const struct scratch *scratch)
{
    return SCRATCH_BYTES - scratch->used;
}

static inline void scratch_reset(struct scratch *scratch)
{
    scratch->used = 0;
}
