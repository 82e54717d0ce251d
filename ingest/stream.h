#pragma once

// The streams of hits and the hashes of positions in Redis. Every int: 0, a negative errno or an enum
// redis_condition; after either the client is to be closed, except where REDIS_OOM is named.

#include "base/redis.h"
#include "ingest/published.h"

#define STREAM_KEY_BYTES 32
#define STREAM_ID_BYTES  44 // with NUL

// Ids of entries, a list that grows. Start with {0}.
struct stream_ids {
    char (*all)[STREAM_ID_BYTES];
    size_t n, room;
};

// "cl:hits:{3}", "cl:pos:{3}"
void stream_key(unsigned shard, char out[STREAM_KEY_BYTES]);
void position_key(unsigned shard, char out[STREAM_KEY_BYTES]);
bool stream_key_parse(struct slice key, unsigned *shard); // the inverse of stream_key()

// One command whose error reply is a failure. *reply (may be NULL) is the caller's after 0.
must_check int redis_do(struct redis_client *redis, const struct slice args[], size_t n,
                        struct redis_reply **reply);

struct stream_cursor {
    unsigned shard;
    const char *after; // entries behind this id
};

// XREAD of several streams, up to `count` entries of each, waiting up to block_ms (0: not at all). Elements
// of *reply: {key, {{id, {field, value}}, ...}}; *reply is nil when nothing came.
must_check int stream_read(struct redis_client *redis, const struct stream_cursor cursors[], size_t n,
                           unsigned count, unsigned block_ms, struct redis_reply **reply);

// Entry i of an entries array: its id and the value of field "f" (SLICE_NONE if there is none).
void stream_entry(const struct redis_reply *entries, size_t i, struct slice *id, struct slice *frame);

// Bytes of the frames of an entries array.
size_t stream_bytes(const struct redis_reply *entries);

must_check int stream_ids_add(struct stream_ids *ids, struct slice id); // 0 or -ENOMEM
void stream_ids_clear(struct stream_ids *ids);                          // frees them

// Deletes these entries.
must_check int stream_delete(struct redis_client *redis, unsigned shard, const struct stream_ids *ids);

struct stream_state {
    uint64_t length;
    char last_id[STREAM_ID_BYTES];  // "0-0": there is no stream
    char first_id[STREAM_ID_BYTES]; // "": it is empty
};

must_check int stream_look(struct redis_client *redis, unsigned shard, struct stream_state *state);

// Order of two ids: negative, 0, positive.
int stream_id_compare(const char *a, const char *b);
uint64_t stream_id_ms(const char *id);

// Writes positions, all or the unpublished ones, and marks them as published. May be REDIS_OOM: then the
// client is fine.
must_check int positions_publish(struct redis_client *redis, unsigned shard, struct positions *positions,
                                 const char *generation, bool all, uint64_t *published);
