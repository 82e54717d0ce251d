#pragma once

// Click ids of a file, sorted.

#include <stddef.h>
#include <stdint.h>

#include "base/click_id.h"
#include "base/util.h"

#define IDS_MAX         100000000
#define IDS_ERROR_BYTES 512

enum ids_condition {
    IDS_WRONG = 1, // `error` says what and where
};

struct ids {
    uint8_t (*id)[CLICK_ID_BYTES];
    size_t n, room;
};

// One id a line. 0, -ENOMEM or IDS_WRONG.
must_check int ids_load(struct ids *ids, const char *path, char error[IDS_ERROR_BYTES]);

// Moves every further copy of an id of sorted `ids` to `twice`. 0 or -ENOMEM.
must_check int ids_unique(struct ids *ids, struct ids *twice);
must_check int ids_add(struct ids *ids, const uint8_t id[CLICK_ID_BYTES]);
void ids_sort(struct ids *ids);
void ids_free(struct ids *ids);
