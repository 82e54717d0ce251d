#pragma once

// The publisher's place in the daemon: its own connection to PostgreSQL, its pauses.

#include "ingest/counters.h"
#include "ingest/publisher.h"

struct catalog_task {
    struct publisher publisher;
    const char *session; // what PostgreSQL calls its connection
    struct pg *pg;
    uint64_t retry_ms, pause_ms;
    bool complained;
};

// One step if it is time. 0, or 1: the Redis client is broken, close it.
must_check int catalog_task_run(struct catalog_task *task, const char *conninfo, struct redis_client *redis,
                                struct counters *counters, uint64_t monotonic_ms);
void catalog_task_deinit(struct catalog_task *task);
