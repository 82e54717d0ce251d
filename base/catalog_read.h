#pragma once

// The parts of a catalog record's value, for base/catalog*.c. Integers are big-endian; what is missing or out
// of range makes the reader bad.

#include "base/bytes.h"
#include "base/slice.h"

static inline uint16_t catalog_read_u16(struct bytes_reader *r)
{
    const uint8_t *at = bytes_read(r, 2);
    return at ? (uint16_t)(at[0] << 8 | at[1]) : 0;
}

static inline uint32_t catalog_read_u32(struct bytes_reader *r)
{
    uint32_t high = catalog_read_u16(r);
    return high << 16 | catalog_read_u16(r);
}

static inline uint64_t catalog_read_u64(struct bytes_reader *r)
{
    uint64_t high = catalog_read_u32(r);
    return high << 32 | catalog_read_u32(r);
}

static inline uint64_t catalog_read_id(struct bytes_reader *r)
{
    uint64_t id = catalog_read_u64(r);
    if (id == 0 || id > INT64_MAX)
        r->bad = true;
    return id;
}

static inline bool catalog_read_bool(struct bytes_reader *r)
{
    uint8_t value = bytes_read_u8(r);
    if (value > 1)
        r->bad = true;
    return value == 1;
}

static inline struct slice catalog_read_text(struct bytes_reader *r)
{
    uint16_t bytes = catalog_read_u16(r);
    const uint8_t *at = bytes_read(r, bytes);
    return at ? (struct slice){(const char *)at, bytes} : SLICE_NONE;
}

// The rest of the value, if it is nothing but texts, and those in groups of `group`. An empty text in the
// first place of a group ends the list: then one more text follows, the extension, and that is all. No list
// holds an empty name, so a release that knows no extension reads over it.
static inline struct slice catalog_read_list(struct bytes_reader *r, unsigned group, struct slice *extension)
{
    struct slice list = {(const char *)r->at, (size_t)(r->end - r->at)};
    unsigned n = 0;

    *extension = SLICE_NONE;
    for (; !r->bad && r->at < r->end; n++) {
        const uint8_t *at = r->at;
        if (catalog_read_text(r).len > 0 || r->bad || n % group != 0)
            continue;
        list.len = (size_t)((const char *)at - list.data);
        *extension = catalog_read_text(r);
        if (r->at != r->end)
            r->bad = true;
        return list;
    }
    if (n % group != 0)
        r->bad = true;
    return list;
}
