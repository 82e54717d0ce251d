// Reading catalog images in place. Owner of the bytes: the caller, mostly a mapping of a file.
// Invariant: whatever the bytes are, nothing outside them is read and every probe ends; that they are right
// is what catalog_image_check() finds out once, before a file is given to workers. Base of all sizes: the
// header, which has a sum of its own. Limits: CATALOG_IMAGE_RECORDS_MAX, CATALOG_IMAGE_BYTES_MAX.
//
// header: magic u32, version u32, revision u64, sum u64, shards u32, records u32, slots u64, record bytes
// u64,
//         8 bytes of 0, sum of the 56 bytes before u64

#include "base/catalog_image.h"

#include "base/bytes.h"

#include <xxhash.h>

#define OFFSET_MASK UINT64_C(0xffffffffff)

static bool header_is_sound(const uint8_t *header, size_t bytes, const struct catalog_image *image)
{
    uint64_t records_bytes = bytes_get_u64(header + 40);
    return bytes <= CATALOG_IMAGE_BYTES_MAX && bytes_get_u32(header) == CATALOG_IMAGE_MAGIC &&
           bytes_get_u32(header + 4) == CATALOG_IMAGE_VERSION && bytes_get_u64(header + 48) == 0 &&
           bytes_get_u64(header + 56) == XXH3_64bits(header, 56) && image->shards > 0 &&
           image->shards <= CATALOG_SHARDS_MAX && image->records <= CATALOG_IMAGE_RECORDS_MAX &&
           image->slots > 0 && (image->slots & (image->slots - 1)) == 0 &&
           image->slots <= 4ull * CATALOG_IMAGE_RECORDS_MAX && image->slots > image->records &&
           records_bytes <= bytes && CATALOG_IMAGE_HEADER_BYTES + 8 * image->slots + records_bytes == bytes;
}

int catalog_image_open(struct slice bytes, struct catalog_image *image)
{
    if (bytes.len < CATALOG_IMAGE_HEADER_BYTES)
        return CATALOG_IMAGE_REFUSED;
    const uint8_t *header = (const uint8_t *)bytes.data;
    *image = (struct catalog_image){
        .revision = bytes_get_u64(header + 8),
        .sum = bytes_get_u64(header + 16),
        .shards = bytes_get_u32(header + 24),
        .records = bytes_get_u32(header + 28),
        .slots = bytes_get_u64(header + 32),
        .index = header + CATALOG_IMAGE_HEADER_BYTES,
    };
    if (!header_is_sound(header, bytes.len, image))
        return CATALOG_IMAGE_REFUSED;
    size_t ahead = CATALOG_IMAGE_HEADER_BYTES + 8 * image->slots;
    image->bytes = (struct slice){bytes.data + ahead, bytes.len - ahead};
    return 0;
}

static struct slice record_at(const struct catalog_image *image, uint64_t offset)
{
    if (offset >= image->bytes.len)
        return SLICE_NONE;
    struct slice rest = {image->bytes.data + offset, image->bytes.len - offset};
    rest.len = catalog_record_length(rest);
    return rest;
}

bool catalog_image_find(const struct catalog_image *image, uint8_t type, struct slice key,
                        struct catalog_record *record)
{
    uint64_t hash = catalog_hash(type, key);
    for (uint64_t probe = 0; probe < image->slots; probe++) {
        uint64_t slot = bytes_get_u64(image->index + 8 * ((hash + probe) & (image->slots - 1)));
        if (slot == 0)
            return false;
        if ((slot ^ hash) & ~OFFSET_MASK)
            continue;
        if (catalog_record_decode(record_at(image, (slot & OFFSET_MASK) - 1), record) == 0 &&
            record->type == type && slice_equal(record->key, key))
            return true;
    }
    return false;
}

static bool record_is_found(const struct catalog_image *image, struct slice bytes)
{
    struct catalog_record record, found;
    return catalog_record_decode(bytes, &record) == 0 && !record.tombstone &&
           catalog_record_check(&record) == 0 && catalog_image_find(image, record.type, record.key, &found) &&
           found.key.data == record.key.data;
}

static uint64_t slots_used(const struct catalog_image *image)
{
    uint64_t used = 0;
    for (uint64_t i = 0; i < image->slots; i++)
        used += bytes_get_u64(image->index + 8 * i) != 0;
    return used;
}

int catalog_image_check(const struct catalog_image *image)
{
    if (XXH3_64bits(image->index, 8 * image->slots + image->bytes.len) != image->sum)
        return CATALOG_IMAGE_REFUSED;
    uint64_t n = 0;
    for (uint64_t at = 0; at < image->bytes.len; n++) {
        struct slice bytes = record_at(image, at);
        if (bytes.len == 0 || !record_is_found(image, bytes))
            return CATALOG_IMAGE_REFUSED;
        at += bytes.len;
    }
    return n == image->records && slots_used(image) == n ? 0 : CATALOG_IMAGE_REFUSED;
}
