// Passes over click_due, again and again. Owner: the main loop. One process settles for as long as it lives,
// by an advisory lock of its session, because it remembers what it has seen; the others stand by. What was
// lost with a connection is done again. Limits: CLICKS_MAX a pass, which the loop computes between two loads.
// Each pass rewrites the sketches that it changes, so few passes over many clicks cost less: one is followed
// by a rest that is many times as long, less when it is far behind.

#include "ingest/settle_task.h"

#include <errno.h>

#include "base/log.h"
#include "base/metrics.h"
#include "ingest/takeover.h"

#define CLICKS_MAX   250000
#define BEHIND_MS    5000
#define FAR_MS       30000
#define STEP_MS      250
#define STANDBY_MS   1000
#define REST_MAX_MS  30000
#define PAUSE_MIN_MS 250
#define PAUSE_MAX_MS 5000
// Rests are long. Whoever is frozen for longer than them is no longer the one who settles.
#define SESSION "set statement_timeout = '10min'; set idle_session_timeout = '1min'"
#define LOCK    "select pg_try_advisory_lock(25454, 1)"
// Commands for history take it for themselves, large loads share it. It is taken before anything is
// remembered.
#define PASS_LOCK   "select pg_try_advisory_lock(25454, 0)"
#define PASS_UNLOCK "select pg_advisory_unlock(25454, 0)"

// The only function that changes the state.
static void task_set_state(struct settle_task *task, enum settle_state state)
{
    if (state != SETTLE_WRITING)
        task->due = pg_result_free(task->due);
    if (state == SETTLE_APART) {
        task->pg = pg_free(task->pg);
        task->settle = settle_free(task->settle);
    }
    task->state = state;
}

void settle_task_deinit(struct settle_task *task)
{
    task_set_state(task, SETTLE_APART);
}

static void task_fall_back(struct settle_task *task, uint64_t monotonic_ms, const char *why)
{
    if (!task->complained)
        log_event(LOG_ERROR, "ingest.settle_stopped", log_str("why", why));
    task->complained = true;
    task_set_state(task, SETTLE_APART);
    task->pause_ms = min_of(max_of(2 * task->pause_ms, (uint64_t)PAUSE_MIN_MS), (uint64_t)PAUSE_MAX_MS);
    task->next_ms = monotonic_ms + task->pause_ms;
}

static const char *why_of(const struct settle_task *task, int r)
{
    return r < 0 ? "out of memory" : pg_error(task->pg)->message;
}

static void task_connect(struct settle_task *task, const char *conninfo, uint64_t monotonic_ms)
{
    struct pg_error error = {.message = "out of memory"};
    const char *why = NULL;

    task->settle = settle_new();
    if (!task->settle || pg_connect(&task->pg, conninfo, "clickledger-ingest-settle", &error))
        task_fall_back(task, monotonic_ms, error.message);
    else if (takeover_session(task->pg, &why) || pg_exec(task->pg, SESSION))
        task_fall_back(task, monotonic_ms, why ? why : "the session could not be set up");
    else
        task_set_state(task, SETTLE_WAITING);
}

// Whether the lock is ours now; if not, it is asked for again later.
static bool task_takes(struct settle_task *task, const char *lock, uint64_t monotonic_ms)
{
    struct pg_result *result = NULL;
    int r = pg_query(task->pg, lock, NULL, 0, &result);
    bool taken = r == 0 && pg_result_bool(result, 0, 0);

    if (r)
        task_fall_back(task, monotonic_ms, why_of(task, r));
    else if (!taken)
        task->next_ms = monotonic_ms + STANDBY_MS;
    pg_result_free(result);
    return taken;
}

static void task_wait(struct settle_task *task, uint64_t monotonic_ms)
{
    if (task_takes(task, LOCK, monotonic_ms))
        task_set_state(task, SETTLE_RESTING);
}

static void task_read(struct settle_task *task, uint64_t monotonic_ms)
{
    const struct pg_param params[] = {pg_int(CLICKS_MAX)};

    if (!task_takes(task, PASS_LOCK, monotonic_ms))
        return;
    int r = pg_start_binary(task->pg, SETTLE_DUE_SQL, params, array_length(params));
    task->started_ms = monotonic_ms;
    if (r)
        task_fall_back(task, monotonic_ms, why_of(task, r));
    else
        task_set_state(task, SETTLE_READING);
}

// How many times as long as a statement took: a 17th of a core, a fifth of it, half of it.
static uint64_t rest_factor(int64_t behind_ms)
{
    if (behind_ms > FAR_MS)
        return 1;
    return behind_ms > BEHIND_MS ? 4 : 16;
}

static void task_rest(struct settle_task *task, int64_t behind_ms, uint64_t least_ms, uint64_t monotonic_ms)
{
    uint64_t rest_ms = (monotonic_ms - task->started_ms) * rest_factor(behind_ms);

    if (pg_exec(task->pg, PASS_UNLOCK)) {
        task_fall_back(task, monotonic_ms, pg_error(task->pg)->message);
        return;
    }
    if (task->complained)
        log_event(LOG_INFO, "ingest.settle_recovered", log_uint("pause_ms", task->pause_ms));
    task->complained = false;
    task->pause_ms = 0;
    task->next_ms = monotonic_ms + max_of(min_of(rest_ms, (uint64_t)REST_MAX_MS), least_ms);
    task_set_state(task, SETTLE_RESTING);
}

// What is due has come.
static void task_write(struct settle_task *task, struct counters *counters, uint64_t monotonic_ms)
{
    struct pg_param params[SETTLE_FOUND_PARAMS];

    if (pg_result_rows(task->due) == 0) {
        metric_set(&counters->settle_behind_ms, 0);
        task_rest(task, 0, STEP_MS, monotonic_ms);
        return;
    }
    int r = settle_begin(task->settle, task->due, params);
    if (r == 0)
        r = pg_start(task->pg, SETTLE_FOUND_SQL, params, array_length(params));
    if (r)
        task_fall_back(task, monotonic_ms, why_of(task, r));
    else
        task_set_state(task, SETTLE_WRITING);
}

// What was found has been written, or somebody else has settled meanwhile.
static void task_count(struct settle_task *task, const struct pg_result *found, struct counters *counters,
                       uint64_t monotonic_ms)
{
    int64_t dues = pg_result_int(found, 0, 0), behind_ms = settle_waited_ms(task->due);

    settle_end(task->settle, dues < 0 ? -1 : pg_result_int(found, 0, 2));
    if (dues >= 0) {
        metric_add(&counters->spans_settled, (uint64_t)dues);
        metric_add(&counters->duplicates_marked, (uint64_t)pg_result_int(found, 0, 1));
        metric_set(&counters->settle_behind_ms, (uint64_t)behind_ms);
    }
    task_rest(task, behind_ms, dues < 0 ? STANDBY_MS : STEP_MS, monotonic_ms);
}

static void task_finish(struct settle_task *task, struct counters *counters, uint64_t monotonic_ms)
{
    struct pg_result *result = NULL;
    int r = pg_finish(task->pg, &result);

    if (r == PG_TIMEOUT)
        return;
    if (r) {
        task_fall_back(task, monotonic_ms, why_of(task, r));
    } else if (task->state == SETTLE_READING) {
        task->due = result;
        task_write(task, counters, monotonic_ms);
    } else {
        task_count(task, result, counters, monotonic_ms);
        pg_result_free(result);
    }
}

void settle_task_run(struct settle_task *task, const char *conninfo, struct counters *counters,
                     uint64_t monotonic_ms)
{
    if (task->state == SETTLE_READING || task->state == SETTLE_WRITING)
        task_finish(task, counters, monotonic_ms);
    else if (monotonic_ms < task->next_ms)
        return;
    else if (task->state == SETTLE_RESTING)
        task_read(task, monotonic_ms);
    if (task->state == SETTLE_APART && monotonic_ms >= task->next_ms)
        task_connect(task, conninfo, monotonic_ms);
    if (task->state == SETTLE_WAITING && monotonic_ms >= task->next_ms)
        task_wait(task, monotonic_ms);
}
