// The publisher's commands to Redis. Owner: the publishing ingest.
// Invariants: the log holds every change after the image's revision, so whoever has the image, or anything
// newer, can follow; image and log change together in one script, which never puts an older image over a
// newer one. Entries go in as a transaction: a refused one (maxmemory) must not leave a hole behind which the
// next would hide. Limits: chunks of CATALOG_CHUNK_BYTES, SCAN_ROUNDS_MAX rounds of looking for old chunks
// (the rest waits for the next image).

#include "ingest/publication.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define BASE_KEY        SLICE("cl:catalog:base")
#define LOG_KEY         SLICE("cl:catalog:log")
#define CHUNK_PREFIX    "cl:catalog:base:"
#define NUMBER_BYTES    24
#define KEY_BYTES       64
#define SCAN_ROUNDS_MAX 1000

static const char replace_script[] =
    "local held = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0') "
    "if held > tonumber(ARGV[1]) then return 0 end "
    "redis.call('DEL', KEYS[1]) "
    "redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'bytes', ARGV[2], 'chunks', ARGV[3], 'sum', ARGV[4], "
    "'epoch', ARGV[5]) "
    "redis.call('XTRIM', KEYS[2], 'MINID', ARGV[6]) "
    "return 1";

static int reply_refused(const struct redis_reply *reply)
{
    int condition = redis_reply_condition(reply);
    if (condition == 0)
        return 0;
    log_event(LOG_WARN, "catalog.redis_refused", log_str("condition", redis_condition_name(condition)),
              log_slice("error", redis_reply_text(reply)));
    return PUBLICATION_REFUSED;
}

// *reply may be NULL: only whether it worked.
static int call(struct redis_client *redis, const struct slice args[], size_t n, struct redis_reply **reply)
{
    struct redis_reply *got;
    int error = redis_client_call(redis, args, n, &got);
    if (error)
        return error;
    error = reply_refused(got);
    if (error == 0 && reply)
        *reply = got;
    else
        redis_reply_free(got);
    return error;
}

static uint64_t number_of(struct slice text)
{
    return text.data ? strtoull(text.data, NULL, 10) : 0; // a reply's text ends with NUL; "17-0" is 17
}

static struct slice number_format(char out[NUMBER_BYTES], uint64_t value)
{
    return (struct slice){out, (size_t)snprintf(out, NUMBER_BYTES, "%" PRIu64, value)};
}

static struct slice id_format(char out[NUMBER_BYTES], uint64_t revision)
{
    return (struct slice){out, (size_t)snprintf(out, NUMBER_BYTES, "%" PRIu64 "-0", revision)};
}

static int base_read(struct redis_client *redis, struct publication *publication)
{
    const struct slice args[] = {SLICE("HGETALL"), BASE_KEY};
    struct redis_reply *reply;
    int error = call(redis, args, array_length(args), &reply);
    if (error)
        return error;
    struct slice epoch = redis_reply_text(redis_reply_value(reply, "epoch"));
    publication->base = redis_reply_length(reply) > 0;
    publication->base_revision = number_of(redis_reply_text(redis_reply_value(reply, "revision")));
    (void)snprintf(publication->epoch, sizeof(publication->epoch), "%.*s", (int)epoch.len,
                   epoch.len ? epoch.data : "");
    redis_reply_free(reply);
    return 0;
}

static int log_read(struct redis_client *redis, struct publication *publication)
{
    const struct slice length[] = {SLICE("XLEN"), LOG_KEY};
    const struct slice newest[] = {SLICE("XREVRANGE"), LOG_KEY,        SLICE("+"),
                                   SLICE("-"),         SLICE("COUNT"), SLICE("1")};
    struct redis_reply *reply;
    int error = call(redis, length, array_length(length), &reply);
    if (error)
        return error;
    publication->entries = (uint64_t)redis_reply_integer(reply);
    redis_reply_free(reply);
    error = call(redis, newest, array_length(newest), &reply);
    if (error)
        return error;
    uint64_t last = number_of(redis_reply_text(redis_reply_element(redis_reply_element(reply, 0), 0)));
    publication->newest = max_of(publication->base_revision, last);
    redis_reply_free(reply);
    return 0;
}

int publication_read(struct redis_client *redis, struct publication *publication)
{
    *publication = (struct publication){0};
    int error = base_read(redis, publication);
    return error ? error : log_read(redis, publication);
}

static int append_send(struct redis_client *redis, const struct pg_result *rows)
{
    const struct slice multi[] = {SLICE("MULTI")}, exec[] = {SLICE("EXEC")};
    int error = redis_client_append(redis, multi, 1);
    for (size_t i = 0; error == 0 && i < pg_result_rows(rows); i++) {
        char id[NUMBER_BYTES];
        const struct slice xadd[] = {SLICE("XADD"), LOG_KEY,
                                     id_format(id, (uint64_t)pg_result_int(rows, i, 0)), SLICE("r"),
                                     pg_result_cell(rows, i, 1)};
        error = redis_client_append(redis, xadd, array_length(xadd));
    }
    return error ? error : redis_client_append(redis, exec, 1);
}

int publication_append(struct redis_client *redis, const struct pg_result *rows)
{
    int refused = 0;
    int error = append_send(redis, rows);
    for (size_t i = 0; error == 0 && i < pg_result_rows(rows) + 2; i++) {
        struct redis_reply *reply;
        error = redis_client_get(redis, &reply);
        if (error)
            break;
        int bad = reply_refused(reply);
        for (size_t n = 0; bad == 0 && n < redis_reply_length(reply); n++)
            bad = reply_refused(redis_reply_element(reply, n));
        refused = refused ? refused : bad;
        redis_reply_free(reply);
    }
    return error ? error : refused;
}

int publication_clear(struct redis_client *redis)
{
    const struct slice base[] = {SLICE("DEL"), BASE_KEY}, log[] = {SLICE("DEL"), LOG_KEY};
    int error = call(redis, base, array_length(base), NULL);
    return error ? error : call(redis, log, array_length(log), NULL);
}

static int chunks_put(struct redis_client *redis, const struct catalog_file *file, uint64_t *chunks)
{
    for (*chunks = 0; *chunks * CATALOG_CHUNK_BYTES < file->len; ++*chunks) {
        char key[KEY_BYTES];
        size_t at = *chunks * CATALOG_CHUNK_BYTES;
        int len = snprintf(key, sizeof(key), CHUNK_PREFIX "%" PRIu64 ":%" PRIu64, file->revision, *chunks);
        const struct slice args[] = {
            SLICE("SET"),
            {key, (size_t)len},
            {(const char *)file->bytes + at, min_of(file->len - at, (size_t)CATALOG_CHUNK_BYTES)}};
        int error = call(redis, args, array_length(args), NULL);
        if (error)
            return error;
    }
    return 0;
}

static int base_put(struct redis_client *redis, const struct catalog_source *source,
                    const struct catalog_file *file, uint64_t chunks)
{
    char revision[NUMBER_BYTES], bytes[NUMBER_BYTES], count[NUMBER_BYTES], sum[NUMBER_BYTES],
        after[NUMBER_BYTES];
    int sum_len = snprintf(sum, sizeof(sum), "%016" PRIx64, (uint64_t)XXH3_64bits(file->bytes, file->len));
    const struct slice args[] = {SLICE("EVAL"),
                                 slice_of(replace_script),
                                 SLICE("2"),
                                 BASE_KEY,
                                 LOG_KEY,
                                 number_format(revision, file->revision),
                                 number_format(bytes, file->len),
                                 number_format(count, chunks),
                                 {sum, (size_t)sum_len},
                                 slice_of(source->epoch),
                                 id_format(after, file->revision + 1)};
    struct redis_reply *reply;
    int error = call(redis, args, array_length(args), &reply);
    if (error)
        return error;
    bool done = redis_reply_integer(reply) == 1;
    redis_reply_free(reply);
    return done ? 0 : PUBLICATION_REFUSED;
}

static int stale_delete(struct redis_client *redis, const struct redis_reply *keys, uint64_t revision)
{
    char kept[KEY_BYTES];
    int len = snprintf(kept, sizeof(kept), CHUNK_PREFIX "%" PRIu64 ":", revision);
    for (size_t i = 0; i < redis_reply_length(keys); i++) {
        const struct slice args[] = {SLICE("UNLINK"), redis_reply_text(redis_reply_element(keys, i))};
        if (args[1].len > (size_t)len && memcmp(args[1].data, kept, (size_t)len) == 0)
            continue;
        int error = call(redis, args, array_length(args), NULL);
        if (error)
            return error;
    }
    return 0;
}

// By looking for them: a publisher that died left chunks that no hash names.
static int stale_chunks_delete(struct redis_client *redis, uint64_t revision)
{
    char cursor[NUMBER_BYTES] = "0";
    for (unsigned round = 0; round < SCAN_ROUNDS_MAX; round++) {
        const struct slice args[] = {SLICE("SCAN"),           slice_of(cursor), SLICE("MATCH"),
                                     SLICE(CHUNK_PREFIX "*"), SLICE("COUNT"),   SLICE("1000")};
        struct redis_reply *reply;
        int error = call(redis, args, array_length(args), &reply);
        if (error)
            return error;
        struct slice next = redis_reply_text(redis_reply_element(reply, 0));
        (void)snprintf(cursor, sizeof(cursor), "%.*s", (int)next.len, next.len ? next.data : "");
        error = stale_delete(redis, redis_reply_element(reply, 1), revision);
        redis_reply_free(reply);
        if (error || strcmp(cursor, "0") == 0)
            return error;
    }
    return 0;
}

int publication_replace(struct redis_client *redis, const struct catalog_source *source,
                        const struct catalog_file *file)
{
    uint64_t chunks;
    int error = chunks_put(redis, file, &chunks);
    if (error == 0)
        error = base_put(redis, source, file, chunks);
    return error ? error : stale_chunks_delete(redis, file->revision);
}
