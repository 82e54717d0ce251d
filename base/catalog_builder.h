#pragma once

// Making a catalog image (base/catalog_image.h): records are appended, then the image is finished. The
// builder owns its memory; start with {0}.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

struct catalog_builder {
    uint8_t *records;
    size_t bytes, room;
    uint32_t n, shards;
};

// Appends one record; keys must not repeat. 0, -ENOMEM, -EFBIG, or CATALOG_MALFORMED (nothing is appended; a
// tombstone is no record of an image).
must_check int catalog_builder_add(struct catalog_builder *builder, struct slice record);

// *bytes (malloc, the caller's) becomes the whole file. 0, -ENOMEM, or CATALOG_MALFORMED: no settings were
// added.
must_check int catalog_builder_finish(const struct catalog_builder *builder, uint64_t revision,
                                      uint8_t **bytes, size_t *length);
void catalog_builder_deinit(struct catalog_builder *builder);
