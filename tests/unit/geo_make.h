#pragma once

// MaxMind DB files of one node: every address leads to one record of given bytes. Written after the format's
// specification, so that a test can break any byte of it.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GEO_MAKE_MAX (1 << 23)

struct geo_make {
    uint8_t data[GEO_MAKE_MAX];
    size_t len;
};

static inline void geo_put(struct geo_make *make, const void *data, size_t len)
{
    memcpy(make->data + make->len, data, len);
    make->len += len;
}

// Shorter than 29 bytes.
static inline void geo_put_text(struct geo_make *make, const char *text)
{
    geo_put(make, &(uint8_t){(uint8_t)(0x40 | strlen(text))}, 1);
    geo_put(make, text, strlen(text));
}

static inline void geo_put_number(struct geo_make *make, const char *key, uint8_t type, uint16_t value)
{
    const uint8_t bytes[] = {(uint8_t)(type << 5 | 2), (uint8_t)(value >> 8), (uint8_t)value};

    geo_put_text(make, key);
    geo_put(make, bytes, sizeof(bytes));
}

#define GEO_U16 5
#define GEO_U32 6

// record_size is 24 bits, so that both records of node 0 are 3 bytes each: node_count + 16 + offset.
static inline void geo_make(struct geo_make *make, uint16_t node_count, const void *records, size_t len)
{
    const uint8_t node[] = {0, 0, 1 + 16, 0, 0, 1 + 16}, zeros[16] = {0};

    make->len = 0;
    geo_put(make, node, sizeof(node));
    geo_put(make, zeros, sizeof(zeros));
    geo_put(make, records, len);
    geo_put(make, "\xab\xcd\xefMaxMind.com\xe9", 15);
    geo_put_number(make, "binary_format_major_version", GEO_U16, 2);
    geo_put_number(make, "binary_format_minor_version", GEO_U16, 0);
    geo_put_number(make, "ip_version", GEO_U16, 4);
    geo_put_number(make, "record_size", GEO_U16, 24);
    geo_put_number(make, "node_count", GEO_U32, node_count);
    geo_put_text(make, "build_epoch");
    geo_put(make, "\x01\x02\x07", 3);
    geo_put_text(make, "database_type");
    geo_put_text(make, "Test");
    geo_put_text(make, "languages");
    geo_put(make, "\x00\x04", 2);
    geo_put_text(make, "description");
    geo_put(make, "\xe0", 1);
}

static inline int geo_make_write(const struct geo_make *make, const char *path)
{
    FILE *file = fopen(path, "wb");

    if (!file)
        return -1;
    size_t written = fwrite(make->data, 1, make->len, file);
    return fclose(file) == 0 && written == make->len ? 0 : -1;
}
