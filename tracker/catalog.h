#pragma once

// A worker's view of the catalog: an image mapped from a file, and over it the changes since. Lookups
// allocate nothing; the slices they give stay valid until the next catalog_refresh(). The supervisor
// (tracker/catalog_sync.h) writes the files; the two share one struct catalog_shared in memory mapped before
// the fork.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/catalog.h"
#include "base/slice.h"
#include "base/util.h"

// Written by the supervisor only, under `turn`: odd while it writes. All zero: no catalog yet.
struct catalog_shared {
    uint64_t turn;
    uint64_t files;     // names <files>.image and <files>.log
    uint64_t log_bytes; // of the log that workers may read
    uint64_t revision;  // of the last change
};

struct catalog;

// Opens what `shared` names in `dir`; an installation without a catalog opens too and knows nothing. `dir` is
// copied, `shared` must outlive the catalog. 0 or negative errno (memory, no such folder).
must_check int catalog_new(struct catalog **catalog, const char *dir, const struct catalog_shared *shared);
struct catalog *catalog_free(struct catalog *catalog);

// Between turns. Nothing new: compares one number in shared memory. Otherwise takes over what there is; what
// cannot be taken over is logged, and the catalog stays at the revision it has. Every slice handed out before
// becomes invalid.
void catalog_refresh(struct catalog *catalog);

// Has the next refresh try again what could not be taken over (no memory, no descriptor). Now and then.
void catalog_retry(struct catalog *catalog);

// true: found, *out is filled. Keys of any length are fine.
bool catalog_link_find(const struct catalog *catalog, struct slice slug, struct catalog_link *out);
bool catalog_program_find(const struct catalog *catalog, uint64_t program_id, struct catalog_program *out);
bool catalog_program_find_code(const struct catalog *catalog, struct slice code, struct catalog_program *out);
// `code` in any case.
bool catalog_promo_code_find(const struct catalog *catalog, struct slice code,
                             struct catalog_promo_code *out);
bool catalog_integration_find(const struct catalog *catalog, const uint8_t key_sha256[CATALOG_HASH_BYTES],
                              struct catalog_integration *out);

uint64_t catalog_revision(const struct catalog *catalog); // 0: no catalog
uint32_t catalog_shards(const struct catalog *catalog);   // 0: no catalog
