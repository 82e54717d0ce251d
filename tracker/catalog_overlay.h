#pragma once

// The changes since the image, by key: a table of places in the mapped log. The newest change of a key
// counts.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/catalog.h"
#include "base/slice.h"
#include "base/util.h"

// All zero: empty.
struct catalog_overlay {
    uint64_t *slots; // 0, or the hash's upper 24 bits over 40 bits of (place of the record in the log + 1)
    size_t n_slots, used;
};

// Notes a record of the log. The log may move between calls, its bytes may not change. 0 or -ENOMEM.
must_check int catalog_overlay_put(struct catalog_overlay *overlay, struct slice log, size_t place);

// false: the log says nothing about this key. It may say that the key is no more (record->tombstone).
bool catalog_overlay_find(const struct catalog_overlay *overlay, struct slice log, uint8_t type,
                          struct slice key, struct catalog_record *record);

void catalog_overlay_deinit(struct catalog_overlay *overlay);
