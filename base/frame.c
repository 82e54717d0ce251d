// Frame headers: encoding, checking, renewing. Pure.
// Invariants: the checksum over bytes 0..87 covers every field, so that a damaged payload still has a place;
// the chain is taken over the immutable bytes 0..63, so that it survives being sent again with another
// `base`. Limits: FRAME_PAYLOAD_MAX and FRAME_HITS_MAX per frame; seq and hit counts fit a PostgreSQL bigint.

#include "base/frame.h"

#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "base/bytes.h"

enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_PRODUCER = 8,
    AT_SEQ = 24,
    AT_HITS_BEFORE = 32,
    AT_PREV = 40,
    AT_PAYLOAD_SUM = 48,
    AT_COUNT = 56,
    AT_PAYLOAD_BYTES = 60,
    AT_BASE = 64,
    AT_HITS_BEFORE_BASE = 72,
    AT_FLAGS = 80,
    AT_RESERVED = 84,
    AT_SUM = 88,
};

static const uint32_t known_flags = FRAME_END | FRAME_HOLE | FRAME_UNJOURNALED;

static bool counts_fit(const struct frame_header *h)
{
    return h->count <= FRAME_HITS_MAX && h->payload_bytes <= FRAME_PAYLOAD_MAX && h->seq >= 1 &&
           h->seq <= INT64_MAX && h->hits_before <= INT64_MAX - FRAME_HITS_MAX;
}

static bool place_fits(const struct frame_header *h)
{
    bool base = h->base >= 1 && h->base <= h->seq && h->hits_before_base <= h->hits_before;
    bool first = h->seq > 1 || (h->prev == 0 && h->hits_before == 0);
    return base && first;
}

// An END frame is empty, every other one holds hits.
static bool content_fits(const struct frame_header *h)
{
    if (h->flags & ~known_flags)
        return false;
    if (h->flags & FRAME_END)
        return h->count == 0 && h->payload_bytes == 0 && !(h->flags & FRAME_HOLE);
    return h->count >= 1 && h->payload_bytes >= (h->version == FRAME_VERSION_PLAIN ? h->count : 1);
}

static bool version_known(uint32_t version)
{
    return version >= FRAME_VERSION_PLAIN && version <= FRAME_VERSION_DELTA;
}

static bool header_sound(const struct frame_header *h)
{
    return counts_fit(h) && place_fits(h) && content_fits(h);
}

void frame_header_seal(struct frame_header *header, const void *payload, size_t payload_bytes)
{
    assert(payload_bytes <= FRAME_PAYLOAD_MAX);
    header->payload_bytes = (uint32_t)payload_bytes;
    header->payload_sum = XXH3_64bits(payload, payload_bytes);
}

void frame_header_encode(const struct frame_header *header, uint8_t out[FRAME_HEADER_BYTES])
{
    assert(header_sound(header) && version_known(header->version));
    bytes_put_u32(out + AT_MAGIC, FRAME_MAGIC);
    bytes_put_u32(out + AT_VERSION, header->version);
    memcpy(out + AT_PRODUCER, header->producer, PRODUCER_BYTES);
    bytes_put_u64(out + AT_SEQ, header->seq);
    bytes_put_u64(out + AT_HITS_BEFORE, header->hits_before);
    bytes_put_u64(out + AT_PREV, header->prev);
    bytes_put_u64(out + AT_PAYLOAD_SUM, header->payload_sum);
    bytes_put_u32(out + AT_COUNT, header->count);
    bytes_put_u32(out + AT_PAYLOAD_BYTES, header->payload_bytes);
    frame_readdress(out, header->base, header->hits_before_base, header->flags);
}

static void header_read(const uint8_t *at, struct frame_header *header)
{
    header->version = bytes_get_u32(at + AT_VERSION);
    memcpy(header->producer, at + AT_PRODUCER, PRODUCER_BYTES);
    header->seq = bytes_get_u64(at + AT_SEQ);
    header->hits_before = bytes_get_u64(at + AT_HITS_BEFORE);
    header->prev = bytes_get_u64(at + AT_PREV);
    header->payload_sum = bytes_get_u64(at + AT_PAYLOAD_SUM);
    header->count = bytes_get_u32(at + AT_COUNT);
    header->payload_bytes = bytes_get_u32(at + AT_PAYLOAD_BYTES);
    header->base = bytes_get_u64(at + AT_BASE);
    header->hits_before_base = bytes_get_u64(at + AT_HITS_BEFORE_BASE);
    header->flags = bytes_get_u32(at + AT_FLAGS);
}

int frame_header_decode(const void *bytes, size_t len, struct frame_header *header)
{
    const uint8_t *at = bytes;

    if (len < FRAME_HEADER_BYTES)
        return FRAME_SHORT;
    if (bytes_get_u32(at + AT_MAGIC) != FRAME_MAGIC)
        return FRAME_NOT_A_FRAME;
    if (bytes_get_u64(at + AT_SUM) != XXH3_64bits(at, AT_SUM))
        return FRAME_DAMAGED;
    if (!version_known(bytes_get_u32(at + AT_VERSION)))
        return FRAME_VERSION_UNKNOWN;
    header_read(at, header);
    if (!header_sound(header) || bytes_get_u32(at + AT_RESERVED) != 0)
        return FRAME_LIMIT;
    return 0;
}

size_t frame_payload_length(const struct frame_header *header)
{
    return header->flags & FRAME_HOLE ? 0 : header->payload_bytes;
}

int frame_payload_check(const struct frame_header *header, const void *payload, size_t len)
{
    if (header->flags & FRAME_HOLE)
        return 0;
    if (len < header->payload_bytes)
        return FRAME_SHORT;
    if (XXH3_64bits(payload, header->payload_bytes) != header->payload_sum)
        return FRAME_DAMAGED;
    return 0;
}

uint64_t frame_chain(const uint8_t bytes[FRAME_HEADER_BYTES])
{
    return XXH3_64bits(bytes, FRAME_IMMUTABLE_BYTES);
}

void frame_readdress(uint8_t bytes[FRAME_HEADER_BYTES], uint64_t base, uint64_t hits_before_base,
                     uint32_t flags)
{
    bytes_put_u64(bytes + AT_BASE, base);
    bytes_put_u64(bytes + AT_HITS_BEFORE_BASE, hits_before_base);
    bytes_put_u32(bytes + AT_FLAGS, flags);
    bytes_put_u32(bytes + AT_RESERVED, 0);
    bytes_put_u64(bytes + AT_SUM, XXH3_64bits(bytes, AT_SUM));
}

size_t frame_find(const void *bytes, size_t len)
{
    static const char magic[] = {'C', 'L', 'F', 'R'};
    const char *start = bytes, *at = start, *end = start + len;
    struct frame_header header;

    while ((at = memmem(at, (size_t)(end - at), magic, sizeof(magic)))) {
        if (frame_header_decode(at, (size_t)(end - at), &header) == 0)
            return (size_t)(at - start);
        at++;
    }
    return len;
}
