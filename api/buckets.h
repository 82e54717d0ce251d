#pragma once

// Token buckets, one for each of whatever is counted (a key, an address, an account). Pure: the caller brings
// the clock.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buckets;

struct buckets_options {
    unsigned burst;     // tokens of a full bucket, at least 1
    uint64_t refill_us; // one more after each
    size_t slots;       // buckets that are remembered; more forget each other
};

// NULL: no memory.
struct buckets *buckets_new(const struct buckets_options *options);
struct buckets *buckets_free(struct buckets *buckets);

// How many ms until the bucket of `name` has a token; 0: it has one.
uint64_t buckets_wait_ms(const struct buckets *buckets, struct slice name, uint64_t now_ms);

// Takes a token whether there is one or not; who asks first asks buckets_wait_ms().
void buckets_take(struct buckets *buckets, struct slice name, uint64_t now_ms);

// Gives one back.
void buckets_give(struct buckets *buckets, struct slice name, uint64_t now_ms);
