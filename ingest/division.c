// The division of the work as an operator sees it: `shards [--set N]`. Writes only the number of shards; who
// owns what is the members' own affair.

#include "ingest/division.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/pg.h"
#include "ingest/service.h"
#include "ingest/stream.h"

enum column { COLUMN_ID, COLUMN_RETIRED, COLUMN_OWNER, COLUMN_PRODUCERS };

static const char list_sql[] =
    "select s.id, s.retired_at is not null, coalesce(right(a.application_name, 8), 'none'),"
    " (select count(*) from clickledger.producer p where p.shard = s.id and not p.ended)"
    " from clickledger.shard s left join clickledger.shard_lock l on l.kind = 'shard' and l.id = s.id"
    " left join pg_stat_activity a on a.pid = l.pid order by s.id";

static int count_set(struct pg *pg, int64_t wanted)
{
    struct pg_param param = pg_int(wanted);

    return wanted > 0 ? pg_query(pg, "select clickledger.shard_count_set($1::integer)", &param, 1, NULL) : 0;
}

static int pg_complain(const struct pg_error *error)
{
    fprintf(stderr, "clickledger-ingest: PostgreSQL: %s\n", error->message);
    return 1;
}

// Returns the exit status.
static int list_print(struct pg *pg, struct redis_client *redis)
{
    struct pg_result *result = NULL;

    if (pg_query(pg, list_sql, NULL, 0, &result))
        return pg_complain(pg_error(pg));
    for (size_t i = 0; i < pg_result_rows(result); i++) {
        struct stream_state state;
        unsigned shard = (unsigned)pg_result_int(result, i, COLUMN_ID);
        if (stream_look(redis, shard, &state)) {
            fprintf(stderr, "clickledger-ingest: Redis: %s\n", redis_client_error(redis));
            pg_result_free(result);
            return 1;
        }
        printf("shard=%u state=%s owner=%s open_producers=%" PRId64 " waiting_entries=%" PRIu64 "\n", shard,
               pg_result_bool(result, i, COLUMN_RETIRED) ? "retired" : "open",
               pg_result_cell(result, i, COLUMN_OWNER).data, pg_result_int(result, i, COLUMN_PRODUCERS),
               state.length);
    }
    pg_result_free(result);
    return 0;
}

int division_run(const struct ingest_settings *settings, int64_t wanted)
{
    struct redis_options options = redis_options_of(settings);
    struct redis_client *redis = NULL;
    struct pg *pg = NULL;
    struct pg_error error = {.message = "out of memory"};
    char redis_error[REDIS_ERROR_BYTES];

    if (pg_connect(&pg, settings->postgres.conninfo, "clickledger-ingest-shards", &error))
        return pg_complain(&error);
    int status = count_set(pg, wanted) ? pg_complain(pg_error(pg)) : 0;
    if (status == 0 && redis_client_open(&redis, &options, redis_error)) {
        fprintf(stderr, "clickledger-ingest: Redis: %s\n", redis_error);
        status = 1;
    }
    if (status == 0)
        status = list_print(pg, redis);
    redis_client_close(redis);
    pg_free(pg);
    return status;
}
