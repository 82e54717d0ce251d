#pragma once

// Has PostgreSQL look at what was loaded: duplicates and unique visitors (click_settle). Beside the loads, on
// a connection of its own, which the loop asks and never waits for.

#include "base/pg.h"
#include "ingest/counters.h"

struct settle_task {
    struct pg *pg;
    bool running; // a statement is under way
    bool complained;
    uint64_t started_ms, next_ms, pause_ms;
};

void settle_task_run(struct settle_task *task, const char *conninfo, struct counters *counters,
                     uint64_t monotonic_ms);
void settle_task_deinit(struct settle_task *task);
