#pragma once

// The catalog in PostgreSQL, as the publisher needs it. The connection stands outside of a transaction before
// and after each call, and holds the lock between source_lock() and source_unlock(). All return 0, an enum
// pg_condition or -ENOMEM.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pg.h"
#include "base/util.h"

#define CATALOG_EPOCH_BYTES 46 // a UUID and a timeline as text, with NUL

struct catalog_source {
    char epoch[CATALOG_EPOCH_BYTES]; // of this installation and its PostgreSQL's timeline
    uint64_t revision;               // the newest that was given to a record
};

struct catalog_file {
    uint8_t *bytes; // malloc, the caller's; NULL: there are no settings yet, so there is no catalog
    size_t len;
    uint64_t revision;
};

// One publisher at a time. *held false: another one is at work.
must_check int source_lock(struct pg *pg, bool *held);
must_check int source_unlock(struct pg *pg);

// Finds links that have reached their caps; how many.
must_check int source_review(struct pg *pg, uint64_t *exhausted);

// Numbers up to changes_max noted changes; *taken < changes_max: none are left.
must_check int source_take(struct pg *pg, uint64_t changes_max, uint64_t *taken);
must_check int source_read(struct pg *pg, struct catalog_source *source);

// Goes on counting behind `revision`, which was given away before PostgreSQL was put back; under a new epoch,
// by which trackers notice.
must_check int source_jump(struct pg *pg, struct catalog_source *source, uint64_t revision);

// Rows (revision, record) after a revision, in order, at most `rows_max`.
must_check int source_after(struct pg *pg, uint64_t revision, uint64_t rows_max, struct pg_result **rows);

// The whole catalog as an image of source->revision.
must_check int source_image(struct pg *pg, const struct catalog_source *source, struct catalog_file *file);

// Tombstones up to a revision that a published image has without them.
must_check int source_forget(struct pg *pg, uint64_t revision);
