#pragma once

// Little-endian integers and LEB128 varints in byte buffers. A writer or reader that ran out of room says so
// once, at the end (`overflow`, `bad`); after that every further call does nothing and yields 0.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

#define VARINT_BYTES_MAX 10

struct bytes_writer {
    uint8_t *at, *end;
    bool overflow;
};

struct bytes_reader {
    const uint8_t *at, *end;
    bool bad;
};

static inline void bytes_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void bytes_put_u32(uint8_t *at, uint32_t value)
{
    bytes_put_u16(at, (uint16_t)value);
    bytes_put_u16(at + 2, (uint16_t)(value >> 16));
}

static inline void bytes_put_u64(uint8_t *at, uint64_t value)
{
    bytes_put_u32(at, (uint32_t)value);
    bytes_put_u32(at + 4, (uint32_t)(value >> 32));
}

static inline uint16_t bytes_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t bytes_get_u32(const uint8_t *at)
{
    return bytes_get_u16(at) | (uint32_t)bytes_get_u16(at + 2) << 16;
}

static inline uint64_t bytes_get_u64(const uint8_t *at)
{
    return bytes_get_u32(at) | (uint64_t)bytes_get_u32(at + 4) << 32;
}

static inline struct bytes_writer bytes_writer(void *data, size_t bytes)
{
    return (struct bytes_writer){data, (uint8_t *)data + bytes, false};
}

static inline struct bytes_reader bytes_reader(const void *data, size_t bytes)
{
    return (struct bytes_reader){data, bytes > 0 ? (const uint8_t *)data + bytes : data, false};
}

static inline void bytes_write(struct bytes_writer *w, const void *data, size_t bytes)
{
    if (w->overflow || (size_t)(w->end - w->at) < bytes) {
        w->overflow = true;
        return;
    }
    if (bytes > 0)
        memcpy(w->at, data, bytes);
    w->at += bytes;
}

static inline void bytes_write_u8(struct bytes_writer *w, uint8_t value)
{
    bytes_write(w, &value, 1);
}

void bytes_write_u16(struct bytes_writer *w, uint16_t value);

// The next `bytes` bytes, in place, or NULL when there are not so many.
static inline const uint8_t *bytes_read(struct bytes_reader *r, uint64_t bytes)
{
    if (r->bad || (uint64_t)(r->end - r->at) < bytes) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *data = r->at;
    r->at += bytes;
    return data;
}

static inline uint8_t bytes_read_u8(struct bytes_reader *r)
{
    const uint8_t *data = bytes_read(r, 1);
    return data ? *data : 0;
}

static inline uint16_t bytes_read_u16(struct bytes_reader *r)
{
    const uint8_t *data = bytes_read(r, 2);
    return data ? bytes_get_u16(data) : 0;
}

size_t varint_bytes(uint64_t value);

// The caller has measured: there is room. Returns its end.
uint8_t *bytes_put_varint(uint8_t *at, uint64_t value);

void bytes_write_varint(struct bytes_writer *w, uint64_t value);

// Only the shortest form of a varint is good, so that equal values have equal bytes.
uint64_t bytes_read_varint(struct bytes_reader *r);
