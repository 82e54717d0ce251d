// Walks over the hours of history. Owner: a command, for its whole life. An advisory lock of the session
// keeps click_settle and other such commands away for the length of an hour; between two hours they may have
// it. Limits: HOURS_MAX hours; TRIES_MAX attempts at one that a lock or a concurrent change prevents,
// PAUSE_MS between them.

#include "ingest/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arguments.h"
#include "base/clock.h"
#include "base/program.h"

#define HOUR_MS   INT64_C(3600000)
#define DAY_HOURS 24
#define HOURS_MAX (100 * 366 * DAY_HOURS)
#define TRIES_MAX 10
#define PAUSE_MS  500
#define SESSION                                                                                              \
    "set statement_timeout = 0; set lock_timeout = '30s'; set timezone = 'UTC'; set jit = off;"              \
    " set search_path = pg_catalog"

int history_range(struct history *history)
{
    history->from_ms -= history->from_ms % HOUR_MS;
    history->to_ms += (HOUR_MS - history->to_ms % HOUR_MS) % HOUR_MS;
    if (history->from_ms >= 0 && history->from_ms < history->to_ms &&
        (history->to_ms - history->from_ms) / HOUR_MS <= HOURS_MAX)
        return 0;
    fprintf(
        stderr,
        "clickledger-ingest: %s needs --from and --to, a day (UTC) or a time; --to is not included and lies"
        " behind --from\n",
        history->name);
    return ARGUMENTS_WRONG;
}

void history_hour_format(int64_t unix_ms, char out[HISTORY_HOUR_BYTES])
{
    char text[CLOCK_TEXT_BYTES];

    clock_format(unix_ms, text);
    text[10] = ' ';
    memcpy(out, text, HISTORY_HOUR_BYTES - 1);
    out[HISTORY_HOUR_BYTES - 1] = '\0';
}

static int transaction_run(const struct history *history, struct pg *pg, int64_t from_ms)
{
    int r = pg_exec(pg, history->begin);

    if (r == 0)
        r = history->hour(history->ctx, pg, from_ms, from_ms + HOUR_MS);
    if (r == 0)
        return pg_exec(pg, history->dry_run ? "rollback" : "commit");
    if (r != PG_LOST && pg_in_transaction(pg)) {
        struct pg_error why = *pg_error(pg);
        int back = pg_exec(pg, "rollback");
        fprintf(stderr, "clickledger-ingest: %s: %s\n", history->name, why.message);
        r = back == PG_LOST ? back : r;
    }
    return r;
}

static int hour_run(const struct history *history, struct pg *pg, int64_t from_ms)
{
    int r = PG_RETRY;

    for (unsigned tries = 0; r == PG_RETRY && tries < TRIES_MAX; tries++) {
        if (tries > 0)
            clock_pause(PAUSE_MS);
        r = pg_exec(pg, "select pg_advisory_lock(25454, 0)");
        if (r)
            continue;
        r = transaction_run(history, pg, from_ms);
        int unlocked = r == PG_LOST ? r : pg_exec(pg, "select pg_advisory_unlock(25454, 0)");
        r = r ? r : unlocked;
    }
    return r;
}

static void day_tell(const struct history *history, int64_t from_ms, uint64_t changed)
{
    char hour[HISTORY_HOUR_BYTES];
    int64_t all = (history->to_ms - history->from_ms) / HOUR_MS;

    history_hour_format(from_ms, hour);
    fprintf(stderr, "%s: %.10s done, %" PRId64 " of %" PRId64 " hours, %" PRIu64 " so far\n", history->name,
            hour, (from_ms - history->from_ms) / HOUR_MS + 1, all, changed);
}

static int hours_run(const struct history *history, struct pg *pg, int stop_fd)
{
    uint64_t changed = 0;

    for (int64_t at = history->from_ms; at < history->to_ms; at += HOUR_MS) {
        if (program_stop_requested(stop_fd)) {
            fprintf(stderr, "%s: stopped; what was done stays\n", history->name);
            return 1;
        }
        int r = hour_run(history, pg, at);
        if (r) {
            fprintf(stderr, "clickledger-ingest: %s: %s\n", history->name,
                    r < 0 ? strerror(-r) : pg_error(pg)->message);
            return 1;
        }
        changed += history->hour_done(history->ctx);
        if (at / HOUR_MS % DAY_HOURS == DAY_HOURS - 1 || at + HOUR_MS >= history->to_ms)
            day_tell(history, at, changed);
    }
    return 0;
}

int history_run(const struct history *history, const struct ingest_settings *settings)
{
    struct pg *pg = NULL;
    struct pg_error error = {.message = "out of memory"};
    int stop_fd = program_stop_fd();

    if (stop_fd < 0 || pg_connect(&pg, settings->postgres.conninfo, "clickledger-ingest-history", &error)) {
        fprintf(stderr, "clickledger-ingest: %s: %s\n", history->name,
                stop_fd < 0 ? strerror(-stop_fd) : error.message);
        return 1;
    }
    int status = 1;
    if (pg_exec(pg, SESSION))
        fprintf(stderr, "clickledger-ingest: %s: %s\n", history->name, pg_error(pg)->message);
    else
        status = hours_run(history, pg, stop_fd);
    pg_free(pg);
    return status;
}
