#pragma once

// The catalog in Redis, as the publisher writes it: cl:catalog:base, its chunks, cl:catalog:log
// (docs/architecture.md).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pg.h"
#include "base/redis.h"
#include "base/util.h"
#include "ingest/catalog_source.h"

#define CATALOG_CHUNK_BYTES (8u << 20)

enum publication_condition {
    PUBLICATION_REFUSED = 100, // Redis answered with an error, or another publisher was ahead; it is logged
};

struct publication {
    bool base;                       // there is an image
    char epoch[CATALOG_EPOCH_BYTES]; // of its installation
    uint64_t base_revision;
    uint64_t newest;  // of image and log
    uint64_t entries; // of the log
};

// All return 0, PUBLICATION_REFUSED, or negative errno: the client is broken.
must_check int publication_read(struct redis_client *redis, struct publication *publication);

// Appends rows (revision, record) to the log, all or none.
must_check int publication_append(struct redis_client *redis, const struct pg_result *rows);

// Takes the image, then the log away: trackers keep what they have until there is an image again.
must_check int publication_clear(struct redis_client *redis);

// Puts an image in place and cuts the log down to what is newer, then deletes the chunks of older images.
must_check int publication_replace(struct redis_client *redis, const struct catalog_source *source,
                                   const struct catalog_file *file);
