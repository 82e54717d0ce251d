// Metrics as Prometheus text 0.0.4. Pure but for the relaxed reads of counters that other processes write.
// Invariant: HELP and TYPE stand once before all lines of a name; what does not fit the buffer is an error
// and never a cut exposition, which would parse as smaller numbers.

#include "base/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *at, *end;
    bool overflow;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format, ...)
{
    size_t room = (size_t)(text->end - text->at);
    va_list args;

    if (text->overflow)
        return;
    va_start(args, format);
    int n = vsnprintf(text->at, room, format, args);
    va_end(args);
    text->overflow = n < 0 || (size_t)n >= room;
    if (!text->overflow)
        text->at += n;
}

static const char *type_name(enum metric_type type)
{
    switch (type) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    }
    return "untyped";
}

static uint64_t value_read(const struct metric *metric, const void *instance)
{
    const uint64_t *counters = instance;
    return __atomic_load_n(&counters[metric->offset / sizeof(*counters)], __ATOMIC_RELAXED);
}

static void sum_add(struct text *text, const struct metric *metric, const void *const instances[], size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += value_read(metric, instances[i]);
    if (metric->labels)
        text_add(text, "%s{%s} %" PRIu64 "\n", metric->name, metric->labels, sum);
    else
        text_add(text, "%s %" PRIu64 "\n", metric->name, sum);
}

static void workers_add(struct text *text, const struct metric *metric, const void *const instances[],
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        text_add(text, "%s{%s%sworker=\"%zu\"} %" PRIu64 "\n", metric->name,
                 metric->labels ? metric->labels : "", metric->labels ? "," : "", i,
                 value_read(metric, instances[i]));
    }
}

ssize_t metrics_render(const struct metric *table, size_t n, const void *const instances[],
                       size_t n_instances, char *out, size_t out_bytes)
{
    struct text text = {out, out + out_bytes, false};

    for (size_t i = 0; i < n; i++) {
        const struct metric *metric = &table[i];
        if (i == 0 || strcmp(table[i - 1].name, metric->name) != 0)
            text_add(&text, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                     type_name(metric->type));
        if (metric->per_worker)
            workers_add(&text, metric, instances, n_instances);
        else
            sum_add(&text, metric, instances, n_instances);
    }
    return text.overflow ? -ENOBUFS : text.at - out;
}
