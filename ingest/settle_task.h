#pragma once

// Settles what was loaded: duplicates and unique visitors. Beside the loads, on a connection of its own,
// which the loop asks and never waits for.

#include "base/pg.h"
#include "ingest/counters.h"
#include "ingest/settle.h"

enum settle_state {
    SETTLE_APART,   // not connected
    SETTLE_WAITING, // another process settles, perhaps
    SETTLE_RESTING, // this one does; nothing is under way
    SETTLE_READING, // what is due
    SETTLE_WRITING, // what was found
};

struct settle_task {
    enum settle_state state;
    struct pg *pg;
    struct settle *settle;
    struct pg_result *due; // of the pass
    bool complained;
    uint64_t started_ms, next_ms, pause_ms;
};

void settle_task_run(struct settle_task *task, const char *conninfo, struct counters *counters,
                     uint64_t monotonic_ms);
void settle_task_deinit(struct settle_task *task);
