// The Redis side of ingest. Owner: the main loop's one client. Nothing is a consumer group: the truth about
// progress is in PostgreSQL. Entries are deleted by id, never by range, so that a process that lost its shard
// cannot delete what it has not applied. Limits: DELETE_MAX ids and PUBLISH_MAX positions a command.

#include "ingest/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 1024
#define DELETE_MAX  500
#define PUBLISH_MAX 100

void stream_key(unsigned shard, char out[STREAM_KEY_BYTES])
{
    snprintf(out, STREAM_KEY_BYTES, "cl:hits:{%u}", shard);
}

void position_key(unsigned shard, char out[STREAM_KEY_BYTES])
{
    snprintf(out, STREAM_KEY_BYTES, "cl:pos:{%u}", shard);
}

bool stream_key_parse(struct slice key, unsigned *shard)
{
    char name[STREAM_KEY_BYTES];

    snprintf(name, sizeof(name), "%.*s", (int)key.len, key.data);
    if (sscanf(name, "cl:hits:{%4u}", shard) != 1)
        return false;
    stream_key(*shard, name);
    return slice_equal(key, slice_of(name));
}

int redis_do(struct redis_client *redis, const struct slice args[], size_t n, struct redis_reply **reply)
{
    struct redis_reply *answer = NULL;
    int r = redis_client_call(redis, args, n, &answer);

    if (r == 0)
        r = redis_reply_condition(answer);
    if (r || !reply)
        redis_reply_free(answer);
    else
        *reply = answer;
    return r;
}

int stream_read(struct redis_client *redis, const struct stream_cursor cursors[], size_t n, unsigned count,
                unsigned block_ms, struct redis_reply **reply)
{
    static char keys[STREAMS_MAX][STREAM_KEY_BYTES];
    static struct slice args[6 + 2 * STREAMS_MAX];
    char counted[16], blocked[16];
    size_t at = 0;

    snprintf(counted, sizeof(counted), "%u", count);
    snprintf(blocked, sizeof(blocked), "%u", block_ms);
    args[at++] = SLICE("XREAD");
    args[at++] = SLICE("COUNT");
    args[at++] = slice_of(counted);
    if (block_ms > 0) { // BLOCK 0 would wait for ever
        args[at++] = SLICE("BLOCK");
        args[at++] = slice_of(blocked);
    }
    args[at++] = SLICE("STREAMS");
    for (size_t i = 0; i < n; i++) {
        stream_key(cursors[i].shard, keys[i]);
        args[at + i] = slice_of(keys[i]);
        args[at + n + i] = slice_of(cursors[i].after);
    }
    return redis_do(redis, args, at + 2 * n, reply);
}

void stream_entry(const struct redis_reply *entries, size_t i, struct slice *id, struct slice *frame)
{
    const struct redis_reply *entry = redis_reply_element(entries, i);

    *id = redis_reply_text(redis_reply_element(entry, 0));
    *frame = redis_reply_text(redis_reply_value(redis_reply_element(entry, 1), "f"));
}

size_t stream_bytes(const struct redis_reply *entries)
{
    size_t bytes = 0;

    for (size_t i = 0; i < redis_reply_length(entries); i++) {
        struct slice id, frame;
        stream_entry(entries, i, &id, &frame);
        bytes += frame.len;
    }
    return bytes;
}

static void id_copy(char out[STREAM_ID_BYTES], struct slice id)
{
    snprintf(out, STREAM_ID_BYTES, "%.*s", (int)id.len, id.data ? id.data : "");
}

int stream_ids_add(struct stream_ids *ids, struct slice id)
{
    if (ids->n == ids->room) {
        size_t room = 2 * ids->room + 256;
        char(*all)[STREAM_ID_BYTES] = reallocarray(ids->all, room, sizeof(*all));
        if (!all)
            return -ENOMEM;
        ids->all = all;
        ids->room = room;
    }
    id_copy(ids->all[ids->n++], id);
    return 0;
}

void stream_ids_clear(struct stream_ids *ids)
{
    free(ids->all);
    *ids = (struct stream_ids){0};
}

int stream_delete(struct redis_client *redis, unsigned shard, const struct stream_ids *ids)
{
    struct slice args[2 + DELETE_MAX];
    char key[STREAM_KEY_BYTES];
    int r = 0;

    stream_key(shard, key);
    args[0] = SLICE("XDEL");
    args[1] = slice_of(key);
    for (size_t at = 0, some; r == 0 && at < ids->n; at += some) {
        some = min_of(ids->n - at, (size_t)DELETE_MAX);
        for (size_t i = 0; i < some; i++)
            args[2 + i] = slice_of(ids->all[at + i]);
        r = redis_do(redis, args, 2 + some, NULL);
    }
    return r;
}

int stream_look(struct redis_client *redis, unsigned shard, struct stream_state *state)
{
    struct redis_reply *reply = NULL;
    char key[STREAM_KEY_BYTES];

    stream_key(shard, key);
    *state = (struct stream_state){.last_id = "0-0"};
    struct slice exists[] = {SLICE("EXISTS"), slice_of(key)};
    int r = redis_do(redis, exists, 2, &reply);
    if (r)
        return r;
    bool there = redis_reply_integer(reply) == 1;
    redis_reply_free(reply);
    if (!there)
        return 0;
    struct slice info[] = {SLICE("XINFO"), SLICE("STREAM"), slice_of(key)};
    r = redis_do(redis, info, 3, &reply);
    if (r)
        return r == REDIS_OTHER_ERROR ? 0 : r; // gone in between
    state->length = (uint64_t)redis_reply_integer(redis_reply_value(reply, "length"));
    id_copy(state->last_id, redis_reply_text(redis_reply_value(reply, "last-generated-id")));
    id_copy(state->first_id,
            redis_reply_text(redis_reply_element(redis_reply_value(reply, "first-entry"), 0)));
    redis_reply_free(reply);
    return 0;
}

int stream_id_compare(const char *a, const char *b)
{
    char *a_rest, *b_rest;
    uint64_t a_ms = strtoull(a, &a_rest, 10), b_ms = strtoull(b, &b_rest, 10);
    uint64_t a_n = *a_rest == '-' ? strtoull(a_rest + 1, NULL, 10) : 0;
    uint64_t b_n = *b_rest == '-' ? strtoull(b_rest + 1, NULL, 10) : 0;

    if (a_ms != b_ms)
        return a_ms < b_ms ? -1 : 1;
    return a_n < b_n ? -1 : a_n > b_n;
}

uint64_t stream_id_ms(const char *id)
{
    return strtoull(id, NULL, 10);
}

// One HSET of the positions in chunk[0..n).
static int chunk_publish(struct redis_client *redis, unsigned shard, struct position *const chunk[], size_t n,
                         const char *generation)
{
    static char names[PUBLISH_MAX][PRODUCER_TEXT_BYTES], texts[PUBLISH_MAX][POSITION_TEXT_BYTES];
    struct slice args[2 + 2 * PUBLISH_MAX];
    char key[STREAM_KEY_BYTES];

    position_key(shard, key);
    args[0] = SLICE("HSET");
    args[1] = slice_of(key);
    for (size_t i = 0; i < n; i++) {
        producer_format(chunk[i]->producer, names[i]);
        position_format(chunk[i], generation, texts[i]);
        args[2 + 2 * i] = slice_of(names[i]);
        args[3 + 2 * i] = slice_of(texts[i]);
    }
    int r = redis_do(redis, args, 2 + 2 * n, NULL);
    for (size_t i = 0; r == 0 && i < n; i++)
        chunk[i]->unpublished = false;
    return r;
}

int positions_publish(struct redis_client *redis, unsigned shard, struct positions *positions,
                      const char *generation, bool all, uint64_t *published)
{
    struct position *chunk[PUBLISH_MAX];
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < positions->n; i++) {
        if (all || positions->all[i].unpublished)
            chunk[n++] = &positions->all[i];
        if (n == PUBLISH_MAX || (n > 0 && i + 1 == positions->n)) {
            r = chunk_publish(redis, shard, chunk, n, generation);
            *published += r ? 0 : n;
            n = 0;
        }
    }
    return r;
}
