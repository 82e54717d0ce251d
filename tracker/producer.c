// Frames of a producer. Owner: the recorder. The hits are encoded one after another and packed once, behind
// the room for the header: what is packed is a third of it, and the journal's page cache, the socket to Redis
// and Redis itself copy that third. Randomness is libsodium's.
// Invariant: seq, hits_before and prev move only by producer_commit(). Limits: payload_max bytes,
// FRAME_HITS_MAX hits.

#include "tracker/producer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/pack.h"

int producer_init(struct producer *producer, size_t payload_max)
{
    assert(pack_bytes_max(payload_max) <= FRAME_PAYLOAD_MAX);
    *producer = (struct producer){.payload_max = payload_max};
    producer->frame_room = FRAME_HEADER_BYTES + pack_bytes_max(payload_max);
    producer->hits = malloc(payload_max);
    producer->frame = malloc(producer->frame_room);
    return producer->hits && producer->frame && sodium_init() >= 0 ? 0 : -ENOMEM;
}

void producer_deinit(struct producer *producer)
{
    free(producer->hits);
    free(producer->frame);
    producer->hits = producer->frame = NULL;
}

void producer_discard(struct producer *producer)
{
    producer->count = 0;
    producer->writer = bytes_writer(producer->hits, producer->payload_max);
}

void producer_renew(struct producer *producer, uint32_t flags)
{
    randombytes_buf(producer->id, PRODUCER_BYTES);
    producer->seq = 1;
    producer->hits_before = 0;
    producer->prev = 0;
    producer->flags = flags;
    producer_discard(producer);
}

int producer_add(struct producer *producer, const struct hit *hit)
{
    if (producer->count == FRAME_HITS_MAX)
        return PRODUCER_FULL;
    int r = hit_encode(&producer->writer, hit);
    if (r == 0) {
        producer->count++;
        return 0;
    }
    producer->writer.overflow = false; // nothing was written
    return r == -ENOBUFS ? PRODUCER_FULL : PRODUCER_REFUSED;
}

struct slice producer_seal(struct producer *producer, uint64_t base, uint64_t hits_before_base)
{
    uint8_t *payload = producer->frame + FRAME_HEADER_BYTES;
    size_t payload_bytes = pack(producer->hits, (size_t)(producer->writer.at - producer->hits), payload,
                                producer->frame_room - FRAME_HEADER_BYTES);
    struct frame_header header = {
        .packed = true,
        .seq = producer->seq,
        .hits_before = producer->hits_before,
        .prev = producer->prev,
        .count = producer->count,
        .base = base ? base : producer->seq,
        .hits_before_base = base ? hits_before_base : producer->hits_before,
        .flags = producer->flags,
    };

    memcpy(header.producer, producer->id, PRODUCER_BYTES);
    frame_header_seal(&header, payload, payload_bytes);
    frame_header_encode(&header, producer->frame);
    return (struct slice){(const char *)producer->frame, FRAME_HEADER_BYTES + payload_bytes};
}

void producer_commit(struct producer *producer)
{
    producer->prev = frame_chain(producer->frame);
    producer->hits_before += producer->count;
    producer->seq++;
    producer_discard(producer);
}

void producer_end(const uint8_t id[PRODUCER_BYTES], uint64_t seq, uint64_t hits_before, uint64_t prev,
                  uint32_t flags, uint64_t base, uint64_t hits_before_base, uint8_t out[FRAME_HEADER_BYTES])
{
    struct frame_header header = {
        .seq = seq,
        .hits_before = hits_before,
        .prev = prev,
        .base = base,
        .hits_before_base = hits_before_base,
        .flags = flags | FRAME_END,
    };

    memcpy(header.producer, id, PRODUCER_BYTES);
    frame_header_seal(&header, NULL, 0);
    frame_header_encode(&header, out);
}
