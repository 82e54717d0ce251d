#pragma once

// What ingest tells on /healthz and /metrics.

#include "base/admin.h"
#include "ingest/counters.h"

struct admin_state {
    const struct counters *counters;
    bool healthy; // kept up to date by the loop
};

// Of the loop's state, which must outlive what is served from it.
struct admin_source admin_source_of(const struct admin_state *state);
