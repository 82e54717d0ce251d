#pragma once

// /healthz and /metrics of the daemon.

#include <stdbool.h>
#include <stdint.h>

#include "attrib/batch.h"
#include "attrib/sealer.h"
#include "base/admin.h"

struct admin_state {
    struct batch_counts counts;
    struct seal_counts seals;
    uint64_t connected, leader; // gauges: 0 or 1
    uint64_t failures;          // batches that could not be done, and lost connections
};

// Of the daemon's state, which must outlive what is served from it.
struct admin_source admin_source_of(const struct admin_state *state);
