// The conservation check in the daemon. Owner: the main loop; SQL counts and compares, this asks, sets the
// gauges and raises the alarm. Limits: BUDGET_MS of counting a check, ALARMS_MAX lines in the log, one check
// at a time.

#include "ingest/conservation_task.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/pg_pool.h"

#define BUDGET_MS    "2000"
#define ALARMS_MAX   "10"
#define WAIT_MS      10000
#define STATEMENT    "60s"
#define JOB_MS       70000 // more than STATEMENT
#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 30000
#define ALARM_BYTES  256

int conservation_task_init(struct conservation_task *task, struct event_base *base, const char *conninfo,
                           const char *session, uint64_t every_ms, struct counters *counters)
{
    const struct pg_pool_options options = {
        .conninfo = conninfo,
        .application = session,
        .size = 1,
        .waiting_max = 1,
        .wait_timeout_ms = WAIT_MS,
        .job_timeout_ms = JOB_MS,
        .retry_min_ms = RETRY_MIN_MS,
        .retry_max_ms = RETRY_MAX_MS,
    };

    *task = (struct conservation_task){.counters = counters, .every_ms = every_ms};
    if (every_ms == 0)
        return 0;
    task->pool = pg_pool_new(base, &options);
    return task->pool ? 0 : -errno;
}

void conservation_task_deinit(struct conservation_task *task)
{
    task->pool = pg_pool_free(task->pool);
}

// "rows click_2026-01-02T03Z 100 99"
static void alarm_tell(const char *line, size_t len)
{
    char text[ALARM_BYTES], kind[32], subject[96], expected[32], found[32];

    snprintf(text, sizeof(text), "%.*s", (int)len, line);
    if (sscanf(text, "%31s %95s %31s %31s", kind, subject, expected, found) == 4)
        log_event(LOG_ERROR, "ingest.conservation_broken", log_str("kind", kind), log_str("subject", subject),
                  log_str("expected", expected), log_str("found", found));
}

static void alarms_tell(struct conservation_task *task, const char *lines, uint64_t alarms)
{
    for (const char *line = strchr(lines, '\n'); line; line = strchr(line + 1, '\n'))
        alarm_tell(line + 1, strcspn(line + 1, "\n"));
    if (task->broken && alarms == 0)
        log_event(LOG_INFO, "ingest.conservation_holds", log_uint("accepted", task->counters->accepted));
    task->broken = alarms > 0;
}

static void answer_take(struct conservation_task *task, const char *answer)
{
    uint64_t accepted, stored, dead, lost, in_flight, alarms;

    if (sscanf(answer, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &accepted,
               &stored, &dead, &lost, &in_flight, &alarms) != 6)
        return;
    metric_add(&task->counters->conservation_checks, 1);
    metric_set(&task->counters->accepted, accepted);
    metric_set(&task->counters->all_stored, stored);
    metric_set(&task->counters->all_dead, dead);
    metric_set(&task->counters->all_lost, lost);
    metric_set(&task->counters->in_flight, in_flight);
    metric_set(&task->counters->conservation_alarms, alarms);
    alarms_tell(task, answer, alarms);
}

static void on_answer(void *ctx, const struct pg_job_result *result)
{
    struct conservation_task *task = ctx;

    task->asked = false;
    task->due_ms = clock_monotonic_ms() + task->every_ms;
    if (result->end == PG_JOB_DONE && result->value.data)
        answer_take(task, result->value.data);
    else
        log_event(LOG_WARN, "ingest.conservation_not_checked", log_str("sqlstate", result->sqlstate),
                  log_str("error", result->message));
}

void conservation_task_run(struct conservation_task *task, uint64_t monotonic_ms)
{
    const struct pg_step steps[] = {
        {.sql = "select set_config('statement_timeout', '" STATEMENT "', true)"},
        {.sql = "select clickledger.conservation_check(" BUDGET_MS ", " ALARMS_MAX ")"},
    };

    if (!task->pool || task->asked || monotonic_ms < task->due_ms)
        return;
    task->asked = pg_pool_run(task->pool, steps, array_length(steps), on_answer, task) == 0;
}
