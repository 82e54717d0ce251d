// Lets PostgreSQL care for the partitions between loads. Owner: the main loop. Sealing reads a whole
// partition, so the statement is started and asked for later, on a connection that is there only meanwhile.
// Every ingest process does this; a lock in partition_care() lets one of them work at a time. Limits: a look
// every LOOK_MS.

#include "ingest/partition_task.h"

#include <stdio.h>

#include "base/log.h"
#include "base/metrics.h"
#include "ingest/takeover.h"

#define DAYS_AHEAD  3
#define APPLICATION "clickledger-ingest-partition"

static void task_rest(struct partition_task *task, uint64_t monotonic_ms)
{
    task->pg = pg_free(task->pg);
    task->state = PARTITION_RESTS;
    task->retry_ms = monotonic_ms + task->look_ms;
}

void partition_task_deinit(struct partition_task *task)
{
    task->pg = pg_free(task->pg);
}

static void task_fail(struct partition_task *task, struct counters *counters, uint64_t monotonic_ms,
                      const char *why)
{
    if (!task->complained)
        log_event(LOG_ERROR, "ingest.partitions_stopped", log_str("why", why));
    task->complained = true;
    metric_add(&counters->partition_failures, 1);
    task_rest(task, monotonic_ms);
}

static int care_start(struct partition_task *task)
{
    struct pg_param ahead = pg_int(DAYS_AHEAD);

    task->state = PARTITION_CARES;
    return pg_start(
        task->pg, "select action, table_name, day, hits from clickledger.partition_care($1::bigint::integer)",
        &ahead, 1);
}

static int look_start(struct partition_task *task)
{
    task->state = PARTITION_LOOKS;
    return pg_start(
        task->pg, "select open, due, faults, sealed, detached, ahead_days from clickledger.partition_state()",
        NULL, 0);
}

static void task_begin(struct partition_task *task, const char *conninfo, struct counters *counters,
                       uint64_t monotonic_ms)
{
    struct pg_error error = {.message = "out of memory"};
    const char *why = NULL;

    if (pg_connect(&task->pg, conninfo, APPLICATION, &error)) {
        task_fail(task, counters, monotonic_ms, error.message);
        return;
    }
    int r = takeover_session(task->pg, &why);
    if (r == 0)
        r = pg_exec(task->pg, "set statement_timeout = 0"); // a partition may be large
    if (r == 0)
        r = care_start(task);
    if (r)
        task_fail(task, counters, monotonic_ms, why ? why : "the session could not be set up");
}

static void care_note(const struct pg_result *result, struct counters *counters)
{
    struct slice action = pg_result_cell(result, 0, 0), day = pg_result_cell(result, 0, 2);
    bool fault = slice_equal(action, SLICE("fault"));

    if (slice_equal(action, SLICE("made")))
        metric_add(&counters->partitions_made, (uint64_t)pg_result_int(result, 0, 3));
    else if (slice_equal(action, SLICE("sealed")))
        metric_add(&counters->partitions_sealed, 1);
    else if (slice_equal(action, SLICE("clustered")))
        metric_add(&counters->partitions_clustered, 1);
    else if (slice_equal(action, SLICE("detached")))
        metric_add(&counters->partitions_detached, 1);
    log_event(fault ? LOG_ERROR : LOG_INFO, "ingest.partition", log_slice("action", action),
              log_slice("table", pg_result_cell(result, 0, 1)), log_slice("day", day),
              log_uint("hits", (uint64_t)pg_result_int(result, 0, 3)));
}

static void state_note(const struct pg_result *result, struct counters *counters)
{
    uint64_t *const gauges[] = {&counters->partitions_open,   &counters->partitions_due,
                                &counters->partitions_faulty, &counters->partitions_closed,
                                &counters->partitions_gone,   &counters->partitions_ahead};

    for (size_t i = 0; i < array_length(gauges); i++) {
        int64_t value = pg_result_int(result, 0, i);
        metric_set(gauges[i], value < 0 ? 0 : (uint64_t)value);
    }
}

// What the statement has brought, and the next one.
static int task_go_on(struct partition_task *task, const struct pg_result *result, struct counters *counters,
                      uint64_t monotonic_ms)
{
    if (task->state == PARTITION_CARES && pg_result_rows(result) > 0) {
        care_note(result, counters);
        return care_start(task);
    }
    if (task->state == PARTITION_CARES)
        return look_start(task);
    state_note(result, counters);
    if (task->complained)
        log_event(LOG_INFO, "ingest.partitions_recovered", log_uint("due", counters->partitions_due));
    task->complained = false;
    task_rest(task, monotonic_ms);
    return 0;
}

void partition_task_run(struct partition_task *task, const char *conninfo, struct counters *counters,
                        uint64_t monotonic_ms)
{
    struct pg_result *result = NULL;
    char why[PG_ERROR_BYTES];

    if (task->state == PARTITION_RESTS) {
        if (monotonic_ms >= task->retry_ms)
            task_begin(task, conninfo, counters, monotonic_ms);
        return;
    }
    int r = pg_finish(task->pg, &result);
    if (r == PG_TIMEOUT)
        return;
    if (r == 0)
        r = task_go_on(task, result, counters, monotonic_ms);
    pg_result_free(result);
    if (r == 0)
        return;
    snprintf(why, sizeof(why), "%s", pg_error(task->pg)->message); // it goes with the connection
    task_fail(task, counters, monotonic_ms, why);
}
