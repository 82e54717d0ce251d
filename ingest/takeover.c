// Take-over of a shard. Owner: its shard. Redis is read before PostgreSQL: what Redis knows was committed
// before, so a higher position in Redis proves that PostgreSQL was put back. Positions that nobody needs any
// more are removed from Redis here: those of producers whose last frame is older than the shard's keep times.

#include "ingest/takeover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"

int takeover_session(struct pg *pg, const char **why)
{
    struct pg_result *result = NULL;
    int r =
        pg_exec(pg, "set synchronous_commit = on; set statement_timeout = '60s'; set lock_timeout = '5s';"
                    " set idle_in_transaction_session_timeout = '30s'; set timezone = 'UTC'; set jit = off;"
                    " set idle_session_timeout = '15s'; set client_connection_check_interval = '1s'; set "
                    "search_path = pg_catalog");
    if (r == 0)
        r = pg_query(pg,
                     "select current_setting('fsync') <> 'on', current_setting('full_page_writes') <> 'on',"
                     " pg_is_in_recovery(), current_setting('max_locks_per_transaction')::bigint",
                     NULL, 0, &result);
    if (r)
        return r;
    if (pg_result_bool(result, 0, 0))
        *why = "PostgreSQL runs with fsync off: a power cut would lose committed hits; switch it on";
    else if (pg_result_bool(result, 0, 1))
        *why = "PostgreSQL runs with full_page_writes off: a power cut could tear pages; switch it on";
    else if (pg_result_bool(result, 0, 2))
        *why = "PostgreSQL is a standby: hits can only be loaded into the primary";
    else if (pg_result_int(result, 0, 3) < PG_LOCKS_MIN)
        *why = "PostgreSQL's max_locks_per_transaction is too low for years of partitions: set it to 512";
    else
        *why = NULL;
    pg_result_free(result);
    return *why ? TAKEOVER_UNFIT : 0;
}

int takeover_lock(struct pg *pg, unsigned shard)
{
    struct pg_result *result = NULL;
    struct pg_param param = pg_int(shard);
    int r = pg_query(pg, "select clickledger.shard_take($1::integer)", &param, 1, &result);

    if (r)
        return r;
    r = pg_result_bool(result, 0, 0) ? 0 : TAKEOVER_LOCKED;
    pg_result_free(result);
    return r;
}

static int generation_read(struct shard *shard)
{
    struct pg_result *result = NULL;
    struct pg_param param = pg_int(shard->id);
    int r = pg_query(shard->pg,
                     "select c.system_identifier || '-'"
                     " || ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer || "
                     "'-' || s.rewind"
                     " from pg_control_system() c, clickledger.shard s where s.id = $1",
                     &param, 1, &result);
    if (r)
        return r;
    snprintf(shard->generation, sizeof(shard->generation), "%s", pg_result_cell(result, 0, 0).data);
    pg_result_free(result);
    return 0;
}

static int rewind_draw(struct shard *shard)
{
    uint64_t random;
    char mark[17];

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        abort();
    snprintf(mark, sizeof(mark), "%016" PRIx64, random);
    struct pg_param params[] = {pg_int(shard->id), pg_string(mark)};
    int r = pg_query(shard->pg, "update clickledger.shard set rewind = $2 where id = $1", params, 2, NULL);
    if (r)
        return r;
    shard->counters->rewinds++;
    log_event(LOG_ERROR, "ingest.postgres_put_back", log_uint("shard", shard->id), log_str("rewind", mark));
    return generation_read(shard);
}

// Positions that trackers may still watch.
static int rows_read(struct shard *shard)
{
    struct pg_result *result = NULL;
    struct pg_param params[] = {pg_int(shard->id), pg_int((int64_t)shard->options->keep_ended_ms),
                                pg_int((int64_t)shard->options->keep_open_ms)};
    int r = pg_query_binary(
        shard->pg,
        "select producer, last_seq, ended from clickledger.producer where shard = $1 and last_at"
        " > now() - case when ended then $2::bigint else $3::bigint end * interval '1 ms'",
        params, 3, &result);
    if (r)
        return r;
    positions_clear(&shard->positions);
    for (size_t i = 0; i < pg_result_rows(result); i++) {
        struct position *position =
            positions_get(&shard->positions, (const uint8_t *)pg_result_cell(result, i, 0).data);
        if (!position) {
            log_event(LOG_ERROR, "ingest.positions_full", log_uint("shard", shard->id));
            break;
        }
        position->last_seq = (uint64_t)pg_result_int(result, i, 1);
        position->ended = pg_result_bool(result, i, 2);
    }
    pg_result_free(result);
    return 0;
}

static int row_exists(struct pg *pg, const uint8_t producer[PRODUCER_BYTES], bool *exists, uint64_t *last_seq)
{
    struct pg_result *result = NULL;
    struct pg_param param = pg_uuid(producer);
    int r = pg_query(pg, "select last_seq from clickledger.producer where producer = $1", &param, 1, &result);

    if (r)
        return r;
    *exists = pg_result_rows(result) == 1;
    *last_seq = *exists ? (uint64_t)pg_result_int(result, 0, 0) : 0;
    pg_result_free(result);
    return 0;
}

static int position_forget(struct redis_client *redis, unsigned shard, struct slice producer)
{
    char key[STREAM_KEY_BYTES];
    position_key(shard, key);
    struct slice args[] = {SLICE("HDEL"), slice_of(key), producer};
    return redis_do(redis, args, array_length(args), NULL) ? SHARD_REDIS : 0;
}

// One field of the hash in Redis: keeps an open want, drops what is too old, notices what PostgreSQL does not
// have.
static int known_compare(struct shard *shard, struct redis_client *redis, struct slice name,
                         struct slice text, bool *put_back)
{
    uint8_t producer[PRODUCER_BYTES];
    char generation[GENERATION_BYTES];
    struct position known;
    uint64_t last_seq;
    bool exists;

    if (!producer_parse(name, producer) || !position_parse(text, generation, &known))
        return position_forget(redis, shard->id, name);
    struct position *position = positions_find(&shard->positions, producer);
    if (!position) {
        int r = row_exists(shard->pg, producer, &exists, &last_seq);
        if (r)
            return r;
        if (exists && last_seq >= known.last_seq)
            return position_forget(redis, shard->id, name);
        // A tracker that watches it must hear that PostgreSQL has less than it had.
        position = positions_get(&shard->positions, producer);
        if (!position)
            return 0;
        position->last_seq = last_seq;
    }
    if (known.last_seq > position->last_seq && generation_related(generation, shard->generation))
        *put_back = true;
    if (known.last_seq == position->last_seq && known.want == known.last_seq + 1) {
        position->want = known.want;
        memcpy(position->evidence, known.evidence, sizeof(known.evidence));
    }
    return 0;
}

int takeover_positions(struct shard *shard, struct redis_client *redis)
{
    struct redis_reply *known = NULL;
    char key[STREAM_KEY_BYTES];
    bool put_back = false;

    position_key(shard->id, key);
    struct slice args[] = {SLICE("HGETALL"), slice_of(key)};
    if (redis_do(redis, args, array_length(args), &known))
        return SHARD_REDIS;
    int r = generation_read(shard);
    if (r == 0)
        r = rows_read(shard);
    for (size_t i = 0; r == 0 && i + 1 < redis_reply_length(known); i += 2)
        r = known_compare(shard, redis, redis_reply_text(redis_reply_element(known, i)),
                          redis_reply_text(redis_reply_element(known, i + 1)), &put_back);
    redis_reply_free(known);
    return r == 0 && put_back ? rewind_draw(shard) : r;
}
