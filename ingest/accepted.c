// Answered hits. Owner: the shard's owner, on its connection, between loads. A number only grows; one of a
// producer that nothing was loaded of yet makes its row. What an ended producer answered and nobody has is
// lost: a power cut came before its last frame was synced. Limits: PRODUCERS_MAX producers at once,
// LOST_AFTER an ended producer was last heard of (an END may come from a copy of a journal that is still
// written).

#include "ingest/accepted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ingest/producer_row.h"

#define PRODUCERS_MAX 10000
#define NUMBER_LEN    19 // digits of a bigint at most
#define LOST_AFTER    "interval '1 day'"

// Who has more to tell than PostgreSQL knows; then who has nothing more to tell.
static const char note_sql[] =
    "insert into clickledger.producer as p (producer, shard, accepted)"
    " select a.producer, $1, a.hits from unnest($2::uuid[], $3::bigint[]) as a (producer, hits)"
    " left join clickledger.producer k using (producer)"
    " where k.producer is null or (k.accepted < a.hits and k.shard = $1) order by 1"
    " on conflict (producer) do update set accepted = greatest(p.accepted, excluded.accepted)";
// As many frames as hits, so that whatever of them turns up after all finds its place in the range.
static const char lost_sql[] =
    "with found as (select producer, last_seq, hits, accepted - hits as missing from clickledger.producer"
    " where producer = any ($1::uuid[]) and shard = $2 and ended and accepted > hits"
    " and last_at < now() - " LOST_AFTER " for update),"
    " moved as (update clickledger.producer p set last_seq = f.last_seq + f.missing, last_chain = 0,"
    " hits = f.hits + f.missing, lost = p.lost + f.missing from found f where p.producer = f.producer)"
    " insert into clickledger.lost_range (producer, from_seq, to_seq, hits, hits_before, reason)"
    " select producer, last_seq + 1, last_seq + missing, missing, hits, 'gap' from found"
    " returning replace(producer::text, '-', ''), from_seq, to_seq, hits";
static const char done_sql[] = "select replace(producer::text, '-', '') from clickledger.producer"
                               " where producer = any ($1::uuid[]) and ended and hits >= accepted";

static bool number_is_good(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.len > 0 && text.len < NUMBER_LEN;
}

// "{a,b}" of the fields whose producer and number can be read; returns how many.
static size_t lists_format(const struct redis_reply *told, char *producers, char *numbers)
{
    uint8_t producer[PRODUCER_BYTES];
    size_t n = 0;

    for (size_t i = 0; i + 1 < redis_reply_length(told) && n < PRODUCERS_MAX; i += 2) {
        struct slice name = redis_reply_text(redis_reply_element(told, i));
        struct slice hits = redis_reply_text(redis_reply_element(told, i + 1));
        if (!producer_parse(name, producer) || !number_is_good(hits))
            continue;
        producers += sprintf(producers, "%c%.*s", n > 0 ? ',' : '{', (int)name.len, name.data);
        numbers += sprintf(numbers, "%c%.*s", n > 0 ? ',' : '{', (int)hits.len, hits.data);
        n++;
    }
    strcpy(producers, n > 0 ? "}" : "{}");
    strcpy(numbers, n > 0 ? "}" : "{}");
    return n;
}

static int late_lose(struct pg *pg, unsigned shard, const char *producers, uint64_t *lost)
{
    struct pg_param params[] = {pg_string(producers), pg_int(shard)};
    struct pg_result *ranges = NULL;
    int r = pg_query(pg, lost_sql, params, array_length(params), &ranges);

    for (size_t i = 0; r == 0 && i < pg_result_rows(ranges); i++) {
        log_event(LOG_ERROR, "ingest.lost", log_slice("producer", pg_result_cell(ranges, i, 0)),
                  log_int("from_seq", pg_result_int(ranges, i, 1)),
                  log_int("to_seq", pg_result_int(ranges, i, 2)),
                  log_int("hits", pg_result_int(ranges, i, 3)), log_str("reason", "unsynced"));
        *lost += (uint64_t)pg_result_int(ranges, i, 3);
    }
    pg_result_free(ranges);
    return r;
}

static int done_forget(struct pg *pg, struct redis_client *redis, const char *key, const char *producers)
{
    struct pg_result *result = NULL;
    struct pg_param param = pg_string(producers);
    int r = pg_query(pg, done_sql, &param, 1, &result);

    for (size_t i = 0; r == 0 && i < pg_result_rows(result); i++) {
        struct slice args[] = {SLICE("HDEL"), slice_of(key), pg_result_cell(result, i, 0)};
        if (redis_do(redis, args, array_length(args), NULL))
            r = ACCEPTED_REDIS;
    }
    pg_result_free(result);
    return r;
}

static int told_note(struct pg *pg, struct redis_client *redis, unsigned shard, const char *key,
                     const struct redis_reply *told, uint64_t *lost)
{
    size_t room = (redis_reply_length(told) / 2 + 1) * (PRODUCER_TEXT_BYTES + 1);
    char *producers = malloc(room), *numbers = malloc(room);
    int r = producers && numbers ? 0 : -ENOMEM;

    if (r == 0 && lists_format(told, producers, numbers) > 0) {
        struct pg_param params[] = {pg_int(shard), pg_string(producers), pg_string(numbers)};
        r = pg_query(pg, note_sql, params, array_length(params), NULL);
        if (r == 0)
            r = late_lose(pg, shard, producers, lost);
        if (r == 0)
            r = done_forget(pg, redis, key, producers);
    }
    free(producers);
    free(numbers);
    return r;
}

int accepted_note(struct pg *pg, struct redis_client *redis, unsigned shard, uint64_t *lost)
{
    struct redis_reply *told = NULL;
    char key[STREAM_KEY_BYTES];

    snprintf(key, sizeof(key), "cl:accepted:{%u}", shard);
    struct slice args[] = {SLICE("HGETALL"), slice_of(key)};
    if (redis_do(redis, args, array_length(args), &told))
        return ACCEPTED_REDIS;
    int r = told_note(pg, redis, shard, key, told, lost);
    redis_reply_free(told);
    return r;
}
