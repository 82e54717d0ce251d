#pragma once

// /healthz and /metrics of the daemon.

#include <stdbool.h>
#include <stdint.h>

#include "attrib/batch.h"
#include "base/http_server.h"

struct admin_state {
    struct batch_counts counts;
    uint64_t connected, leader; // gauges: 0 or 1
    uint64_t failures;          // batches that could not be done, and lost connections
};

// Takes the daemon's state, which must outlive the server. NULL with errno.
struct http_server *admin_new(struct event_base *base, const struct admin_state *state);
