#pragma once

// Requests made before the first is sent, so that making them costs the load nothing.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"
#include "bench/mix.h"

struct requests {
    char *bytes;
    size_t *end; // of each
    size_t n, next;
};

// 0, -ENOMEM or MIX_WRONG: one is longer than MIX_REQUEST_MAX.
must_check int requests_make(struct requests *requests, const struct mix *mix, size_t n, uint64_t seed,
                             struct slice host, struct slice connection);
struct slice requests_next(struct requests *requests); // in turn, for ever
void requests_free(struct requests *requests);
