#pragma once

// An image of the catalog: an immutable, position-independent file that is looked up in place.
//   header of CATALOG_IMAGE_HEADER_BYTES, little-endian; index: `slots` u64, a power of two; records, one
//   after another
// A slot is 0, or the hash's upper 24 bits over 40 bits of (offset of the record + 1).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/catalog.h"
#include "base/slice.h"
#include "base/util.h"

#define CATALOG_IMAGE_MAGIC        0x49434c43u // "CLCI" read as little-endian
#define CATALOG_IMAGE_VERSION      1
#define CATALOG_IMAGE_HEADER_BYTES 64
#define CATALOG_IMAGE_RECORDS_MAX  (16u << 20)
#define CATALOG_IMAGE_BYTES_MAX    (4ull << 30)

enum catalog_image_condition {
    CATALOG_IMAGE_REFUSED = 1, // not an image, damaged, of another version, or beyond a limit
};

struct catalog_image {
    uint64_t revision; // every change up to it is in the image
    uint64_t sum;      // XXH3_64 of index and records: the image's identity beside the revision
    uint32_t shards;
    uint32_t records;
    uint64_t slots;
    const uint8_t *index;
    struct slice bytes; // the records
};

// Understands the header of `bytes`, which must outlive the image. Cheap: looks at nothing behind the header.
// With a file that was only checked this way lookups may fail to find, but never read outside `bytes`. 0 or
// CATALOG_IMAGE_REFUSED.
must_check int catalog_image_open(struct slice bytes, struct catalog_image *image);

// Reads everything: the sum, every record, and that the index finds each. 0 or CATALOG_IMAGE_REFUSED.
must_check int catalog_image_check(const struct catalog_image *image);

// false: there is no such key.
bool catalog_image_find(const struct catalog_image *image, uint8_t type, struct slice key,
                        struct catalog_record *record);
