// Retention, one short transaction after another, until nothing is due; what that is, PostgreSQL knows.
// Owner: main for the command, the service's loop for the gauges. May end at any moment and goes on from
// there the next time. Limits: TRIES_MAX attempts at a step that a lock or a deadlock prevents, PAUSE_MS
// between them.

#include "ingest/privacy.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/program.h"

#define TRIES_MAX 10
#define PAUSE_MS  500

struct privacy {
    struct pg *pg;
    int64_t rows_max;
    uint64_t steps, rows;
    int stop_fd;
};

enum step_column {
    STEP_MORE,
    STEP_HITS,
    STEP_RULE,
    STEP_DAY,
    STEP_CHANGED,
};

static void step_note(struct privacy *privacy, const struct pg_result *step)
{
    int64_t changed = pg_result_int(step, 0, STEP_CHANGED);

    privacy->steps++;
    privacy->rows += (uint64_t)changed;
    if (changed > 0)
        log_event(LOG_DEBUG, "privacy.step", log_slice("hits", pg_result_cell(step, 0, STEP_HITS)),
                  log_slice("rule", pg_result_cell(step, 0, STEP_RULE)),
                  log_slice("day", pg_result_cell(step, 0, STEP_DAY)), log_int("rows", changed));
}

// 0 or an enum pg_condition; *more is set after 0.
static int privacy_step(struct privacy *privacy, bool *more)
{
    const struct pg_param params[] = {pg_int(privacy->rows_max)};
    struct pg_result *step = NULL;
    int r =
        pg_query(privacy->pg, "select more, hits, rule, day, changed from clickledger.privacy_step($1::int)",
                 params, 1, &step);

    if (r)
        return r;
    *more = pg_result_bool(step, 0, STEP_MORE);
    step_note(privacy, step);
    pg_result_free(step);
    return 0;
}

static int privacy_steps(struct privacy *privacy)
{
    bool more = true;
    unsigned tries = 0;
    int r = 0;

    while (more && !program_stop_requested(privacy->stop_fd)) {
        r = privacy_step(privacy, &more);
        if (r != 0 && (r != PG_RETRY || ++tries == TRIES_MAX))
            return r;
        if (r == 0)
            tries = 0;
        else
            clock_pause(PAUSE_MS);
    }
    return 0;
}

static int privacy_begin(struct privacy *privacy, bool everything)
{
    const struct pg_param params[] = {pg_bool(everything)};
    int r = pg_query(privacy->pg, "select clickledger.privacy_begin($1)", params, 1, NULL);
    return r ? r : privacy_steps(privacy);
}

int privacy_run(const struct ingest_settings *settings, unsigned rows_max, bool everything)
{
    struct privacy privacy = {.rows_max = rows_max, .stop_fd = program_stop_fd()};
    struct pg_error error = {.message = "out of memory"};

    if (privacy.stop_fd < 0 ||
        pg_connect(&privacy.pg, settings->postgres.conninfo, "clickledger-ingest-privacy", &error)) {
        log_event(LOG_ERROR, "privacy.not_begun", log_str("why", error.message));
        return 1;
    }
    int r = privacy_begin(&privacy, everything);
    if (r)
        log_event(LOG_ERROR, "privacy.failed",
                  log_str("why", r > 0 ? pg_error(privacy.pg)->message : "out of memory"),
                  log_uint("rows", privacy.rows));
    else
        log_event(LOG_INFO, "privacy.done", log_uint("rows", privacy.rows), log_uint("steps", privacy.steps));
    pg_free(privacy.pg);
    return r ? 1 : 0;
}

int privacy_look(struct pg *pg, struct counters *counters)
{
    struct pg_result *status = NULL;
    int r = pg_query(pg, "select overdue_days, changed from clickledger.privacy_status()", NULL, 0, &status);

    if (r)
        return r;
    for (size_t rule = 0; rule < min_of(pg_result_rows(status), (size_t)PRIVACY_RULES); rule++) {
        metric_set(&counters->privacy_overdue_days[rule], (uint64_t)pg_result_int(status, rule, 0));
        metric_set(&counters->privacy_rows[rule], (uint64_t)pg_result_int(status, rule, 1));
    }
    pg_result_free(status);
    return 0;
}
