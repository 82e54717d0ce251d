#pragma once

// What a worker counts beside its recorder, and how /metrics tells it.

#include "base/hit.h"
#include "base/http_server.h"
#include "base/metrics.h"

// In shared memory, written by one worker.
struct counters {
    uint64_t kind[HIT_KIND_COUNT];
    uint64_t class[HIT_CLASS_COUNT];
    uint64_t invalid_click[HIT_REASON_COUNT];
    uint64_t without_id;        // redirected without a click id, because nothing could record it
    uint64_t reports_refused;   // all
    uint64_t reports_unkept;    // of them, beyond REFUSALS_PER_MINUTE_MAX: counted here only
    uint64_t reports_postponed; // 503, because nothing could record them
    uint64_t not_found, method_refused;
    uint64_t catalog_revision;
    uint64_t connections;
    uint64_t listening;         // 1: takes connections
    uint64_t config_generation; // of the settings that the worker works by
    uint64_t beat_ms;           // monotonic; the worker's loop is alive
    struct http_counters http;  // a copy of the server's, once a beat
};

extern const struct metric counters_metrics[];
extern const size_t counters_metrics_count;
