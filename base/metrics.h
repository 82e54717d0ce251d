#pragma once

// Prometheus text format 0.0.4. Counters are uint64_t in a plain struct, one instance per worker (shared
// memory); each is written by one process only and read by any.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/util.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_type {
    METRIC_COUNTER,
    METRIC_GAUGE,
};

// Rows with the same name must follow each other and differ in `labels`.
struct metric {
    const char *name, *help;
    enum metric_type type;
    size_t offset;      // of a uint64_t in the instance
    const char *labels; // `class="human"`, or NULL
    bool per_worker;    // one line per instance with worker="0".., instead of their sum
};

// Returns the length (no NUL is added) or -ENOBUFS.
must_check ssize_t metrics_render(const struct metric *table, size_t n, const void *const instances[],
                                  size_t n_instances, char *out, size_t out_bytes);

static inline void metric_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void metric_set(uint64_t *gauge, uint64_t value)
{
    __atomic_store_n(gauge, value, __ATOMIC_RELAXED);
}
