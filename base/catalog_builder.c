// Making a catalog image: the records one after another in growing memory, then header and index in front of
// them. Owner: the publisher, which builds one image at a time. The same records in the same order give the
// same bytes. The index is filled to at most half, so that a lookup sees few slots. Limits as in
// base/catalog_image.h.

#include "base/catalog_builder.h"

#include "base/bytes.h"
#include "base/catalog.h"
#include "base/catalog_image.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#define ROOM_MIN    (1u << 20)
#define SLOTS_MIN   16
#define OFFSET_BITS 40

static int builder_grow(struct catalog_builder *builder, size_t bytes)
{
    if (builder->n >= CATALOG_IMAGE_RECORDS_MAX ||
        builder->bytes + bytes >
            CATALOG_IMAGE_BYTES_MAX - CATALOG_IMAGE_HEADER_BYTES - 8 * 4ull * CATALOG_IMAGE_RECORDS_MAX)
        return -EFBIG;
    if (builder->bytes + bytes <= builder->room)
        return 0;
    size_t room = max_of(2 * builder->room, (size_t)ROOM_MIN);
    uint8_t *records = realloc(builder->records, room);
    if (!records)
        return -ENOMEM;
    builder->records = records;
    builder->room = room;
    return 0;
}

int catalog_builder_add(struct catalog_builder *builder, struct slice record)
{
    struct catalog_record decoded;
    struct catalog_settings settings;
    if (catalog_record_decode(record, &decoded) || decoded.tombstone || catalog_record_check(&decoded))
        return CATALOG_MALFORMED;
    int error = builder_grow(builder, record.len);
    if (error)
        return error;
    memcpy(builder->records + builder->bytes, record.data, record.len);
    builder->bytes += record.len;
    builder->n++;
    if (decoded.type == CATALOG_SETTINGS && catalog_settings_decode(&decoded, &settings) == 0)
        builder->shards = settings.shards;
    return 0;
}

static void index_fill(uint8_t *index, uint64_t slots, struct slice records)
{
    for (size_t at = 0; at < records.len;) {
        struct slice bytes = {records.data + at, records.len - at};
        struct catalog_record record;
        bytes.len = catalog_record_length(bytes);
        int error = catalog_record_decode(bytes, &record);
        assert(error == 0); // they were decoded when they were added
        uint64_t hash = catalog_hash(record.type, record.key);
        uint64_t i = hash & (slots - 1);
        while (bytes_get_u64(index + 8 * i) != 0)
            i = (i + 1) & (slots - 1);
        bytes_put_u64(index + 8 * i, (hash >> OFFSET_BITS << OFFSET_BITS) | (at + 1));
        at += bytes.len;
    }
}

int catalog_builder_finish(const struct catalog_builder *builder, uint64_t revision, uint8_t **bytes,
                           size_t *length)
{
    uint64_t slots = SLOTS_MIN;
    if (builder->shards == 0)
        return CATALOG_MALFORMED;
    while (slots < 2ull * builder->n)
        slots *= 2;
    *length = CATALOG_IMAGE_HEADER_BYTES + 8 * slots + builder->bytes;
    uint8_t *header = calloc(1, *length);
    if (!header)
        return -ENOMEM;
    uint8_t *index = header + CATALOG_IMAGE_HEADER_BYTES;
    if (builder->bytes > 0)
        memcpy(index + 8 * slots, builder->records, builder->bytes);
    index_fill(index, slots, (struct slice){(const char *)index + 8 * slots, builder->bytes});

    bytes_put_u32(header, CATALOG_IMAGE_MAGIC);
    bytes_put_u32(header + 4, CATALOG_IMAGE_VERSION);
    bytes_put_u64(header + 8, revision);
    bytes_put_u64(header + 16, XXH3_64bits(index, 8 * slots + builder->bytes));
    bytes_put_u32(header + 24, builder->shards);
    bytes_put_u32(header + 28, builder->n);
    bytes_put_u64(header + 32, slots);
    bytes_put_u64(header + 40, builder->bytes);
    bytes_put_u64(header + 56, XXH3_64bits(header, 56));
    *bytes = header;
    return 0;
}

void catalog_builder_deinit(struct catalog_builder *builder)
{
    free(builder->records);
    *builder = (struct catalog_builder){0};
}
