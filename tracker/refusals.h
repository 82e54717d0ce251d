#pragma once

// How many refused reports are kept: so many per postback key and minute, so that a shop's mistake is seen
// and a flood is not stored. Pure: the caller says what time it is.

#include <stdbool.h>
#include <stdint.h>

#define REFUSALS_PER_MINUTE_MAX 60  // per key and worker
#define REFUSALS_KEYS_MAX       256 // keys of one minute; further ones share the bucket of unknown keys

struct refusals {
    uint64_t minute;
    unsigned used;
    struct {
        uint64_t key;
        unsigned n;
    } bucket[REFUSALS_KEYS_MAX]; // [0] is key 0
};

// Counts one refusal of this key (integration id, 0: unknown keys). Whether it is to be kept.
bool refusals_keep(struct refusals *refusals, uint64_t key, uint64_t now_ms);
