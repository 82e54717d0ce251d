// Frames of dead letters. Owner: replay. Nothing is decided here that ingest decides: seq, chain and lost
// ranges say what becomes of the frame. Limits: REPLAY_FRAME_WAIT_MS for a frame to be applied, looked at
// each LOOK_MS.

#include "ingest/replay_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "ingest/delivery.h"
#include "ingest/producer_row.h"
#include "ingest/stream.h"

#define LOOK_MS     20
#define WAITING_MAX 1000 // entries before a fork

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

static void fork_producer(struct slice bytes, uint8_t producer[PRODUCER_BYTES])
{
    XXH128_canonical_t hash;

    XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes.data, FRAME_IMMUTABLE_BYTES));
    memcpy(producer, hash.digest, PRODUCER_BYTES);
}

// The first and only frame of a new producer.
static int fork_append(struct redis_client *redis, unsigned shard, const struct delivery *delivery)
{
    struct frame_header header = delivery->header;
    uint8_t *frame = malloc(delivery->bytes.len);

    if (!frame)
        return -ENOMEM;
    fork_producer(delivery->bytes, header.producer);
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

// Hits of a fork that are there are told from others by small loads alone.
static int fork_wait(struct redis_client *redis, unsigned shard, char reason[LETTER_REASON_BYTES])
{
    struct stream_state state;

    if (stream_look(redis, shard, &state))
        return REPLAY_FRAME_REDIS;
    return state.length > WAITING_MAX
               ? refuse(reason, "ingest is behind; replay it when its stream is loaded")
               : 0;
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
    int r = letter->kind == DEAD_FORK ? fork_wait(redis, letter->shard, reason) : 0;
    if (r || dry_run)
        return r;
    return letter->kind == DEAD_FORK ? fork_append(redis, letter->shard, &delivery)
                                     : frame_append(redis, letter->shard, bytes);
}

// The producer of a fork has one frame and an end.
static int frame_is_applied(struct pg *pg, const struct letter *letter, struct slice bytes, bool *applied)
{
    struct frame_header header = delivery_of(SLICE("0-0"), bytes).header;
    bool is_fork = letter->kind == DEAD_FORK;
    struct pg_result *result = NULL;
    char producer[PRODUCER_TEXT_BYTES];

    if (is_fork)
        fork_producer(bytes, header.producer);
    producer_format(header.producer, producer);
    const struct pg_param params[] = {pg_string(producer), pg_int(is_fork ? 1 : (int64_t)header.seq),
                                      pg_bool(is_fork)};
    int r = pg_query(pg,
                     "select exists (select from clickledger.producer p where p.producer = $1::uuid"
                     " and p.last_seq >= $2 and (p.ended or not $3) and not exists ("
                     "select from clickledger.lost_range l where l.producer = p.producer"
                     " and $2 between l.from_seq and l.to_seq))",
                     params, array_length(params), &result);
    if (r)
        return r;
    *applied = pg_result_bool(result, 0, 0);
    pg_result_free(result);
    return 0;
}

int replay_frame_await(struct pg *pg, const struct letter *letter, struct slice bytes, unsigned wait_ms)
{
    uint64_t end_ms = clock_monotonic_ms() + wait_ms;

    for (;;) {
        bool applied = false;
        int r = frame_is_applied(pg, letter, bytes, &applied);
        if (r || applied)
            return r;
        if (clock_monotonic_ms() >= end_ms)
            return REPLAY_FRAME_SENT;
        clock_pause(LOOK_MS);
    }
}
