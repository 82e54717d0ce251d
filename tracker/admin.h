#pragma once

// /healthz and /metrics of a whole tracker, served by the supervisor.

#include <stdbool.h>
#include <stddef.h>

#include "base/http_server.h"
#include "tracker/shared.h"

#define ADMIN_TEXT_MAX (1 << 18) // bytes of /metrics

struct admin {
    const struct shared *shared;
    unsigned workers;
    uint64_t restarts; // of workers
    uint64_t reloads_done, reloads_refused;
    uint64_t upgrades_done, upgrades_failed;
    uint64_t predecessor;      // 1: it drains
    uint64_t catalog_heard_ms; // monotonic; 0: never
    char text[ADMIN_TEXT_MAX];
};

// A http_handler; ctx is a struct admin.
void admin_answer(void *ctx, struct http_conn *conn, const struct http_request *request);

// Whether this worker's loop has turned lately.
bool admin_worker_alive(const struct shared_worker *worker, uint64_t now_ms);
