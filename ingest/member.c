// Membership. Owner: the main loop. One session holds the member's lock for as long as it lives; twice a
// second it asks who else is there and what the shards need, and ends those who have fallen silent. Limits:
// SILENT_MS is more than the longest time that the loop waits for Redis; MEMBER_SHARDS_MAX shards.

#include "ingest/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/metrics.h"
#include "ingest/takeover.h"

#define LOOK_MS      500
#define SILENT_MS    7000
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000

enum duty_column { DUTY_SHARD, DUTY_WANTED, DUTY_OWNED, DUTY_RETIRED, DUTY_MEMBERS, DUTY_PLACE };

void member_init(struct member *member, const struct member_options *options, struct counters *counters)
{
    *member = (struct member){.options = options, .counters = counters};
    if (getrandom(&member->number, sizeof(member->number), 0) != sizeof(member->number))
        abort();
    member->number &= INT32_MAX;
    snprintf(member->session, sizeof(member->session), "clickledger-ingest %08" PRIx32, member->number);
    snprintf(member->catalog, sizeof(member->catalog), "clickledger-ingest-catalog %08" PRIx32,
             member->number);
    snprintf(member->conservation, sizeof(member->conservation), "clickledger-ingest-conservation %08" PRIx32,
             member->number);
    log_event(LOG_INFO, "ingest.member", log_str("session", member->session));
}

void member_deinit(struct member *member)
{
    member->pg = pg_free(member->pg);
}

bool member_joined(const struct member *member)
{
    return member->pg != NULL;
}

static void member_fall_back(struct member *member, uint64_t monotonic_ms, const char *why)
{
    metric_add(&member->counters->postgres_failures, 1);
    if (!member->complained)
        log_event(LOG_ERROR, "ingest.member_apart", log_str("why", why));
    member->complained = true;
    member->pg = pg_free(member->pg);
    member->pause_ms = min_of(max_of(2 * member->pause_ms, (uint64_t)PAUSE_MIN_MS), (uint64_t)PAUSE_MAX_MS);
    member->retry_ms = monotonic_ms + member->pause_ms;
}

// 0, a condition, or TAKEOVER_LOCKED: another process drew the same number.
static int member_join(struct member *member)
{
    struct pg_result *result = NULL;
    struct pg_param number = pg_int(member->number), shards = pg_int(member->options->shards);
    int r = pg_query(member->pg, "select clickledger.member_join($1::integer)", &number, 1, &result);

    if (r)
        return r;
    bool joined = pg_result_bool(result, 0, 0);
    pg_result_free(result);
    if (!joined)
        return TAKEOVER_LOCKED;
    return pg_query(member->pg, "select clickledger.shard_count_begin($1::integer)", &shards, 1, NULL);
}

static bool member_connect(struct member *member, uint64_t monotonic_ms)
{
    struct pg_error error = {.message = "out of memory"};
    const char *why = NULL;

    if (member->pg)
        return true;
    if (pg_connect(&member->pg, member->options->conninfo, member->session, &error)) {
        member_fall_back(member, monotonic_ms, error.message);
        return false;
    }
    int r = takeover_session(member->pg, &why);
    if (r == 0)
        r = member_join(member);
    if (r) {
        char text[PG_ERROR_BYTES]; // the connection's own message goes with it
        snprintf(text, sizeof(text), "%s", why ? why : pg_error(member->pg)->message);
        member_fall_back(member, monotonic_ms, text);
        return false;
    }
    return true;
}

static void entries_read(struct member *member, const struct pg_result *result)
{
    member->n = min_of(pg_result_rows(result), (size_t)MEMBER_SHARDS_MAX);
    for (size_t i = 0; i < member->n; i++) {
        member->entries[i] = (struct duty_entry){
            .shard = (unsigned)pg_result_int(result, i, DUTY_SHARD),
            .wanted = pg_result_bool(result, i, DUTY_WANTED),
            .owned = pg_result_bool(result, i, DUTY_OWNED),
            .retired = pg_result_bool(result, i, DUTY_RETIRED),
        };
        member->members = (unsigned)pg_result_int(result, i, DUTY_MEMBERS);
        member->place = (unsigned)pg_result_int(result, i, DUTY_PLACE);
    }
}

static int duty_ask(struct member *member)
{
    struct pg_result *result = NULL;
    struct pg_param params[] = {pg_int(member->number), pg_int(member->options->keep_open_ms),
                                pg_int(member->options->keep_ended_ms)};
    int r = pg_query_binary(member->pg, "select * from clickledger.shard_duty($1::integer, $2, $3)", params,
                            array_length(params), &result);

    if (r == 0)
        entries_read(member, result);
    pg_result_free(result);
    return r;
}

static int silent_end(struct member *member)
{
    struct pg_result *result = NULL;
    struct pg_param silent = pg_int(SILENT_MS);

    if (member->members < 2)
        return 0;
    int r = pg_query(member->pg, "select clickledger.member_silent_end($1)", &silent, 1, &result);
    if (r == 0 && !pg_result_is_null(result, 0, 0)) {
        metric_add(&member->counters->members_ended, 1);
        log_event(LOG_WARN, "ingest.silent_member_ended", log_slice("members", pg_result_cell(result, 0, 0)),
                  log_uint("silent_ms", SILENT_MS));
    }
    pg_result_free(result);
    return r;
}

bool member_look(struct member *member, uint64_t monotonic_ms)
{
    if (monotonic_ms < member->retry_ms || !member_connect(member, monotonic_ms))
        return false;
    int r = silent_end(member);
    if (r == 0)
        r = duty_ask(member);
    if (r) {
        char text[PG_ERROR_BYTES];
        snprintf(text, sizeof(text), "%s", pg_error(member->pg)->message);
        member_fall_back(member, monotonic_ms, text);
        return false;
    }
    if (member->complained)
        log_event(LOG_INFO, "ingest.member_recovered", log_uint("members", member->members));
    member->complained = false;
    member->pause_ms = 0;
    member->retry_ms = monotonic_ms + LOOK_MS;
    return true;
}
