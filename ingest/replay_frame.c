// Frames of dead letters. Owner: replay. Nothing is decided here that ingest decides: seq, chain and lost
// ranges say what becomes of the frame.

#include "ingest/replay_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "ingest/delivery.h"
#include "ingest/stream.h"

static int refuse(char reason[LETTER_REASON_BYTES], const char *why)
{
    snprintf(reason, LETTER_REASON_BYTES, "%s", why);
    return REPLAY_FRAME_BAD;
}

static int frame_append(struct redis_client *redis, unsigned shard, struct slice frame)
{
    char key[STREAM_KEY_BYTES];

    stream_key(shard, key);
    struct slice args[] = {SLICE("XADD"), slice_of(key), SLICE("*"), SLICE("f"), frame};
    return redis_do(redis, args, array_length(args), NULL) ? REPLAY_FRAME_REDIS : 0;
}

static int end_append(struct redis_client *redis, unsigned shard, const struct frame_header *only,
                      uint64_t chain)
{
    struct frame_header end = {.version = FRAME_VERSION_PLAIN,
                               .seq = 2,
                               .hits_before = only->count,
                               .prev = chain,
                               .base = 1,
                               .flags = FRAME_END};
    uint8_t bytes[FRAME_HEADER_BYTES];

    memcpy(end.producer, only->producer, PRODUCER_BYTES);
    frame_header_seal(&end, NULL, 0);
    frame_header_encode(&end, bytes);
    return frame_append(redis, shard, (struct slice){(const char *)bytes, sizeof(bytes)});
}

// The first and only frame of a new producer.
static int fork_append(struct redis_client *redis, unsigned shard, const struct delivery *delivery)
{
    struct frame_header header = delivery->header;
    XXH128_canonical_t producer;
    uint8_t *frame = malloc(delivery->bytes.len);

    if (!frame)
        return -ENOMEM;
    XXH128_canonicalFromHash(&producer, XXH3_128bits(delivery->bytes.data, FRAME_IMMUTABLE_BYTES));
    memcpy(header.producer, producer.digest, PRODUCER_BYTES);
    header.seq = header.base = 1;
    header.hits_before = header.hits_before_base = header.prev = 0;
    header.flags = 0;
    memcpy(frame, delivery->bytes.data, delivery->bytes.len);
    frame_header_encode(&header, frame);
    int r = frame_append(redis, shard, (struct slice){(const char *)frame, delivery->bytes.len});
    if (r == 0)
        r = end_append(redis, shard, &header, frame_chain(frame));
    free(frame);
    return r;
}

int replay_frame_run(struct redis_client *redis, const struct letter *letter, struct slice bytes,
                     bool dry_run, char reason[LETTER_REASON_BYTES])
{
    struct delivery delivery = delivery_of(SLICE("0-0"), bytes);

    if (bytes.len == 0)
        return refuse(reason, "it holds no bytes");
    if (delivery.condition)
        return refuse(reason, frame_condition_name(delivery.condition));
    if (!delivery.payload_ok)
        return refuse(reason, "the payload does not fit its header");
    if (letter->kind == DEAD_FORK && delivery.header.count == 0)
        return refuse(reason, "it holds no hits");
    if (dry_run)
        return 0;
    return letter->kind == DEAD_FORK ? fork_append(redis, letter->shard, &delivery)
                                     : frame_append(redis, letter->shard, bytes);
}
