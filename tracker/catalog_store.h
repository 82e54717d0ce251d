#pragma once

// The writing side of the catalog's files: takes images and changes, and tells the workers through shared
// memory.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"
#include "tracker/catalog.h"

#define CATALOG_EPOCH_MAX 64

struct catalog_store {
    int dir_fd, log_fd; // log_fd -1: no image yet
    struct catalog_shared *shared;
    char epoch[CATALOG_EPOCH_MAX]; // of the installation whose catalog it is; empty: no image yet
    uint64_t files, revision, image_revision;
    uint64_t log_bytes;
    int image_fd; // being received; -1: none
    uint64_t image_bytes;
};

enum catalog_store_condition {
    CATALOG_STORE_REFUSED = 1, // the received image is damaged; the old files stay
};

// Opens the folder, takes up the newest whole pair of files. 0 or negative errno.
must_check int catalog_store_init(struct catalog_store *store, const char *dir,
                                  struct catalog_shared *shared);
void catalog_store_deinit(struct catalog_store *store);

// Appends changes: entries as of catalog_entry_encode(), the last of them with `revision`. 0 or negative
// errno; then nothing was appended.
must_check int catalog_store_append(struct catalog_store *store, struct slice entries, uint64_t revision);

// Receiving an image in pieces; a second begin drops what was received. Finish replaces the files. 0,
// negative errno, or CATALOG_STORE_REFUSED.
must_check int catalog_store_image_begin(struct catalog_store *store);
must_check int catalog_store_image_piece(struct catalog_store *store, struct slice piece);
must_check int catalog_store_image_finish(struct catalog_store *store, struct slice epoch);
