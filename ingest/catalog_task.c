// Runs the catalog's publisher between loads. Owner: the main loop. It has a connection of its own, because a
// shard's connection may be lost or waiting while the catalog must still go out. Limits: a step every STEP_MS
// unless more is waiting, PAUSE_MAX_MS between attempts to connect.

#include "ingest/catalog_task.h"

#include <stdio.h>

#include "base/log.h"
#include "ingest/takeover.h"

#define STEP_MS      100
#define STANDBY_MS   500
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000

void catalog_task_deinit(struct catalog_task *task)
{
    task->pg = pg_free(task->pg);
}

static void task_fall_back(struct catalog_task *task, uint64_t monotonic_ms, const char *why)
{
    if (!task->complained)
        log_event(LOG_ERROR, "ingest.catalog_stopped", log_str("why", why));
    task->complained = true;
    task->pg = pg_free(task->pg);
    task->pause_ms = min_of(max_of(2 * task->pause_ms, (uint64_t)PAUSE_MIN_MS), (uint64_t)PAUSE_MAX_MS);
    task->retry_ms = monotonic_ms + task->pause_ms;
}

static bool task_connect(struct catalog_task *task, const char *conninfo, uint64_t monotonic_ms)
{
    struct pg_error error = {.message = "out of memory"};
    const char *why = NULL;

    if (task->pg)
        return true;
    if (pg_connect(&task->pg, conninfo, task->session, &error)) {
        task_fall_back(task, monotonic_ms, error.message);
        return false;
    }
    if (takeover_session(task->pg, &why)) {
        task_fall_back(task, monotonic_ms, why ? why : "the session could not be set up");
        return false;
    }
    return true;
}

static void task_recovered(struct catalog_task *task)
{
    if (task->complained)
        log_event(LOG_INFO, "ingest.catalog_recovered", log_uint("pause_ms", task->pause_ms));
    task->complained = false;
    task->pause_ms = 0;
}

int catalog_task_run(struct catalog_task *task, const char *conninfo, struct redis_client *redis,
                     struct counters *counters, uint64_t monotonic_ms)
{
    if (monotonic_ms < task->retry_ms || !task_connect(task, conninfo, monotonic_ms))
        return 0;
    int r = publisher_step(&task->publisher, task->pg, redis, monotonic_ms);
    counters->catalog_changes = task->publisher.changes;
    counters->catalog_entries = task->publisher.entries;
    counters->catalog_images = task->publisher.images;
    counters->links_exhausted = task->publisher.exhausted;
    if (r == PUBLISHER_POSTGRES) {
        char text[PG_ERROR_BYTES]; // the connection's own message goes with it
        snprintf(text, sizeof(text), "%s", pg_error(task->pg)->message);
        task_fall_back(task, monotonic_ms, text);
        return 0;
    }
    if (r < 0) {
        task_fall_back(task, monotonic_ms, "out of memory");
        return 0;
    }
    task_recovered(task);
    task->retry_ms = monotonic_ms + (r == PUBLISHER_MORE ? 0 : r == PUBLISHER_STANDBY ? STANDBY_MS : STEP_MS);
    return r == PUBLISHER_REDIS_LOST;
}
