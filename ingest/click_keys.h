#pragma once

// What a click shares with those it repeats, and with those of the same person: hashes that the loader makes
// while it has the hit, so that nobody has to read the rows again for them.

#include <stdbool.h>
#include <stdint.h>

#include "base/hit.h"

#define SKETCH_LEVELS     20
#define SKETCH_LEVEL_BITS 1024
#define SKETCH_BITS       (SKETCH_LEVELS * SKETCH_LEVEL_BITS)

enum click_share { SHARE_VISITOR, SHARE_ADDRESS, CLICK_SHARES };

// As it stands in click_due.keys: written and read by ingest alone.
#define CLICK_KEYS_BYTES 32
struct click_keys {
    uint8_t id[HIT_ID_BYTES];
    uint64_t
        key[CLICK_SHARES]; // of link or code with the visitor; with address hash and user agent; 0: not known
};

void click_keys_of(const struct hit *click, struct click_keys *keys);

// The bit of its person in the sketches of unique visitors: sketch_place() of sql/0021_unique.sql.
uint16_t click_place(const struct hit *click);
