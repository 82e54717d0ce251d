// Runs click_settle again and again. Owner: the main loop. One process at a time settles, by an advisory lock
// in the function; the others hear that and ask again. What was lost with a connection is done again. Limits:
// CLICKS_MAX a statement; each reads the longest window again, so few statements over many clicks cost less.
// Therefore one is followed by a rest that is many times as long, less when it is far behind.

#include "ingest/settle_task.h"

#include "base/log.h"
#include "base/metrics.h"
#include "ingest/takeover.h"

#define CLICKS_MAX   1000000
#define BEHIND_MS    60000
#define FAR_MS       600000
#define STEP_MS      250
#define STANDBY_MS   1000
#define REST_MAX_MS  30000
#define PAUSE_MIN_MS 250
#define PAUSE_MAX_MS 5000
#define SESSION      "set statement_timeout = '10min'; set idle_session_timeout = '5min'" // rests are long

void settle_task_deinit(struct settle_task *task)
{
    task->pg = pg_free(task->pg);
}

static void task_fall_back(struct settle_task *task, uint64_t monotonic_ms, const char *why)
{
    if (!task->complained)
        log_event(LOG_ERROR, "ingest.settle_stopped", log_str("why", why));
    task->complained = true;
    task->running = false;
    task->pg = pg_free(task->pg);
    task->pause_ms = min_of(max_of(2 * task->pause_ms, (uint64_t)PAUSE_MIN_MS), (uint64_t)PAUSE_MAX_MS);
    task->next_ms = monotonic_ms + task->pause_ms;
}

static bool task_connect(struct settle_task *task, const char *conninfo, uint64_t monotonic_ms)
{
    struct pg_error error = {.message = "out of memory"};
    const char *why = NULL;

    if (task->pg)
        return true;
    if (pg_connect(&task->pg, conninfo, "clickledger-ingest-settle", &error)) {
        task_fall_back(task, monotonic_ms, error.message);
        return false;
    }
    if (takeover_session(task->pg, &why) || pg_exec(task->pg, SESSION)) {
        task_fall_back(task, monotonic_ms, why ? why : "the session could not be set up");
        return false;
    }
    return true;
}

static void task_start(struct settle_task *task, uint64_t monotonic_ms)
{
    const struct pg_param params[] = {pg_int(CLICKS_MAX)};

    if (pg_start(task->pg, "select dues, marked, sketches, oldest_ms from clickledger.click_settle($1)",
                 params, array_length(params))) {
        task_fall_back(task, monotonic_ms, pg_error(task->pg)->message);
        return;
    }
    task->running = true;
    task->started_ms = monotonic_ms;
}

// How many times as long as a statement took: a 17th of a core, a fifth of it, half of it.
static uint64_t rest_factor(int64_t behind_ms)
{
    if (behind_ms > FAR_MS)
        return 1;
    return behind_ms > BEHIND_MS ? 4 : 16;
}

static void task_count(struct settle_task *task, const struct pg_result *result, struct counters *counters,
                       uint64_t monotonic_ms)
{
    int64_t dues = pg_result_int(result, 0, 0), behind_ms = pg_result_int(result, 0, 3);
    uint64_t rest_ms = (monotonic_ms - task->started_ms) * rest_factor(behind_ms);

    if (task->complained)
        log_event(LOG_INFO, "ingest.settle_recovered", log_uint("pause_ms", task->pause_ms));
    task->complained = false;
    task->pause_ms = 0;
    task->next_ms = monotonic_ms + max_of(min_of(rest_ms, (uint64_t)REST_MAX_MS),
                                          (uint64_t)(dues < 0 ? STANDBY_MS : STEP_MS));
    if (dues < 0)
        return;
    metric_add(&counters->spans_settled, (uint64_t)dues);
    metric_add(&counters->duplicates_marked, (uint64_t)pg_result_int(result, 0, 1));
    metric_set(&counters->settle_behind_ms, (uint64_t)behind_ms);
}

static void task_finish(struct settle_task *task, struct counters *counters, uint64_t monotonic_ms)
{
    struct pg_result *result = NULL;
    int r = pg_finish(task->pg, &result);

    if (r == PG_TIMEOUT)
        return;
    task->running = false;
    if (r)
        task_fall_back(task, monotonic_ms, r < 0 ? "out of memory" : pg_error(task->pg)->message);
    else
        task_count(task, result, counters, monotonic_ms);
    pg_result_free(result);
}

void settle_task_run(struct settle_task *task, const char *conninfo, struct counters *counters,
                     uint64_t monotonic_ms)
{
    if (task->running)
        task_finish(task, counters, monotonic_ms);
    else if (monotonic_ms >= task->next_ms && task_connect(task, conninfo, monotonic_ms))
        task_start(task, monotonic_ms);
}
