// Bob Jenkins' lookup3 (public domain) as PostgreSQL seeds it. Pure. tests/system/test_settle.py compares it
// with the server's by the sketches that both make.

#include "ingest/pg_hash.h"

#include <string.h>

#include "base/bytes.h"

struct state {
    uint32_t a, b, c;
};

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32 - by);
}

static void mix(struct state *s)
{
    s->a = (s->a - s->c) ^ rotate(s->c, 4), s->c += s->b;
    s->b = (s->b - s->a) ^ rotate(s->a, 6), s->a += s->c;
    s->c = (s->c - s->b) ^ rotate(s->b, 8), s->b += s->a;
    s->a = (s->a - s->c) ^ rotate(s->c, 16), s->c += s->b;
    s->b = (s->b - s->a) ^ rotate(s->a, 19), s->a += s->c;
    s->c = (s->c - s->b) ^ rotate(s->b, 4), s->b += s->a;
}

static uint64_t finish(struct state *s)
{
    s->c = (s->c ^ s->b) - rotate(s->b, 14);
    s->a = (s->a ^ s->c) - rotate(s->c, 11);
    s->b = (s->b ^ s->a) - rotate(s->a, 25);
    s->c = (s->c ^ s->b) - rotate(s->b, 16);
    s->a = (s->a ^ s->c) - rotate(s->c, 4);
    s->b = (s->b ^ s->a) - rotate(s->a, 14);
    s->c = (s->c ^ s->b) - rotate(s->b, 24);
    return (uint64_t)s->b << 32 | s->c;
}

static struct state begin(uint32_t len, uint64_t seed)
{
    uint32_t start = UINT32_C(0x9e3779b9) + len + 3923095;
    struct state s = {start, start, start};

    if (seed != 0) {
        s.a += (uint32_t)(seed >> 32);
        s.b += (uint32_t)seed;
        mix(&s);
    }
    return s;
}

uint64_t pg_hash_bytes(const void *data, size_t len, uint64_t seed)
{
    struct state s = begin((uint32_t)len, seed);
    const uint8_t *at = data;
    uint8_t rest[12] = {0};

    for (; len >= 12; len -= 12, at += 12) {
        s.a += bytes_get_u32(at);
        s.b += bytes_get_u32(at + 4);
        s.c += bytes_get_u32(at + 8);
        mix(&s);
    }
    if (len > 0)
        memcpy(rest, at, len);
    s.a += bytes_get_u32(rest);
    s.b += bytes_get_u32(rest + 4);
    s.c += bytes_get_u32(rest + 8) << 8; // the lowest byte is reserved for the length
    return finish(&s);
}

uint64_t pg_hash_int8(int64_t value, uint64_t seed)
{
    struct state s = begin(sizeof(uint32_t), seed);
    uint32_t high = (uint32_t)((uint64_t)value >> 32);

    s.a += (uint32_t)value ^ (value >= 0 ? high : ~high);
    return finish(&s);
}
