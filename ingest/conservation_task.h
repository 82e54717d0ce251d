#pragma once

// Looks again and again whether every accepted hit is accounted for, beside the loads and without holding
// them up: on a connection of its own whose answers come through the event loop.

#include <stdbool.h>
#include <stdint.h>

#include "ingest/counters.h"

struct event_base;
struct pg_pool;

struct conservation_task {
    struct pg_pool *pool; // NULL: switched off
    struct counters *counters;
    uint64_t every_ms, due_ms;
    bool asked;
    bool broken; // what it found last
};

// every_ms 0: never. 0 or -ENOMEM.
must_check int conservation_task_init(struct conservation_task *task, struct event_base *base,
                                      const char *conninfo, const char *session, uint64_t every_ms,
                                      struct counters *counters);
void conservation_task_deinit(struct conservation_task *task);

void conservation_task_run(struct conservation_task *task, uint64_t monotonic_ms); // asks if it is time
