#pragma once

// /healthz and /metrics of a whole tracker, served by the supervisor.

#include <stdbool.h>
#include <stddef.h>

#include "base/admin.h"
#include "tracker/shared.h"

struct admin {
    const struct shared *shared;
    unsigned workers;
    uint64_t restarts; // of workers
    uint64_t reloads_done, reloads_refused;
    uint64_t upgrades_done, upgrades_failed;
    uint64_t predecessor;      // 1: it drains
    uint64_t catalog_heard_ms; // monotonic; 0: never
};

// Of the supervisor's, which must outlive what is served from it.
struct admin_source admin_source_of(const struct admin *admin);

// Whether this worker's loop has turned lately.
bool admin_worker_alive(const struct shared_worker *worker, uint64_t now_ms);
