// Frames of a producer. Owner: the recorder. The hits are written as deltas, behind the room for the header:
// the journal's page cache, the socket to Redis and Redis itself copy a quarter of what they are. Randomness
// is libsodium's. Invariant: seq, hits_before and prev move only by producer_commit(). Limits: hits_bytes_max
// bytes, FRAME_HITS_MAX hits.

#include "tracker/producer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/delta.h"

int producer_init(struct producer *producer, size_t hits_bytes_max)
{
    *producer = (struct producer){.delta = delta_writer_new(hits_bytes_max)};
    if (!producer->delta)
        return -ENOMEM;
    assert(delta_bytes_max(producer->delta) <= FRAME_PAYLOAD_MAX);
    producer->frame_room = FRAME_HEADER_BYTES + delta_bytes_max(producer->delta);
    producer->frame = malloc(producer->frame_room);
    return producer->frame && sodium_init() >= 0 ? 0 : -ENOMEM;
}

void producer_deinit(struct producer *producer)
{
    delta_writer_free(producer->delta);
    free(producer->frame);
    producer->delta = NULL;
    producer->frame = NULL;
}

void producer_discard(struct producer *producer)
{
    producer->count = 0;
    delta_start(producer->delta);
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
    int r = delta_add(producer->delta, hit);
    if (r == 0) {
        producer->count++;
        return 0;
    }
    return r == -ENOBUFS ? PRODUCER_FULL : PRODUCER_REFUSED;
}

struct slice producer_seal(struct producer *producer, uint64_t base, uint64_t hits_before_base)
{
    uint8_t *payload = producer->frame + FRAME_HEADER_BYTES;
    size_t payload_bytes = delta_finish(producer->delta, payload, producer->frame_room - FRAME_HEADER_BYTES);
    struct frame_header header = {
        .version = FRAME_VERSION_DELTA,
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
        .version = FRAME_VERSION_PLAIN,
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
