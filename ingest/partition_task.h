#pragma once

// The care of partitions: made ahead, sealed, detached. PostgreSQL decides what is due, one thing at a time.

#include "base/pg.h"
#include "ingest/counters.h"

enum partition_state {
    PARTITION_RESTS, // no connection until the next look
    PARTITION_CARES, // partition_care() runs
    PARTITION_LOOKS, // partition_state() runs: nothing more is due
};

struct partition_task {
    enum partition_state state;
    struct pg *pg;
    uint64_t look_ms;  // between two looks
    uint64_t retry_ms; // monotonic
    bool complained;
};

// A step, if it is time. Never waits for a statement, which may read a whole partition.
void partition_task_run(struct partition_task *task, const char *conninfo, struct counters *counters,
                        uint64_t monotonic_ms);
void partition_task_deinit(struct partition_task *task);
