// The admin port. Reads the workers' shared counters; writes nothing but answers. Bound to an address of its
// own, because it tells what visitors need not know.

#include "tracker/admin.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

#define BEAT_AGE_MS_MAX 5000 // a worker that did not turn for so long is not alive

#define OWN(name, help, member, labels)                                                                      \
    {                                                                                                        \
        "clickledger_tracker_" name, help, METRIC_COUNTER, offsetof(struct admin, member), labels, false     \
    }

static const struct metric own_metrics[] = {
    OWN("restarts_total", "Workers started again after they died.", restarts, NULL),
    OWN("reloads_total", "SIGHUPs, by what became of them.", reloads_done, "result=\"done\""),
    OWN("reloads_total", "SIGHUPs, by what became of them.", reloads_refused, "result=\"refused\""),
    OWN("upgrades_total", "Upgrades: done counts the one by which this process began.", upgrades_done,
        "result=\"done\""),
    OWN("upgrades_total", "Upgrades: done counts the one by which this process began.", upgrades_failed,
        "result=\"failed\""),
    {"clickledger_tracker_predecessor_drains",
     "1 while the tracker that this one replaced has open connections.", METRIC_GAUGE,
     offsetof(struct admin, predecessor), NULL, false},
};

struct metric_table {
    const struct metric *rows;
    size_t n;
    const void *const *instances;
    size_t n_instances;
};

struct health {
    unsigned alive, journaled, held, blind, redis_up;
    uint64_t revision; // the oldest
};

bool admin_worker_alive(const struct shared_worker *worker, uint64_t now_ms)
{
    uint64_t beat_ms = __atomic_load_n(&worker->counters.beat_ms, __ATOMIC_RELAXED);

    return beat_ms != 0 && now_ms - min_of(beat_ms, now_ms) < BEAT_AGE_MS_MAX;
}

static void health_add(struct health *health, const struct shared_worker *worker)
{
    health->revision = health->alive == 0 ? worker->counters.catalog_revision
                                          : min_of(health->revision, worker->counters.catalog_revision);
    health->alive++;
    health->redis_up += worker->recorder.redis_up != 0;
    switch ((enum recorder_mode)worker->recorder.mode) {
    case RECORDER_JOURNALED:
        health->journaled++;
        return;
    case RECORDER_HELD:
        health->held++;
        return;
    case RECORDER_BLIND:
        health->blind++;
        return;
    }
}

static struct health health_read(const struct admin *admin)
{
    struct health health = {0};
    uint64_t now_ms = clock_monotonic_ms();

    for (unsigned i = 0; i < admin->workers; i++)
        if (admin_worker_alive(&admin->shared->worker[i], now_ms))
            health_add(&health, &admin->shared->worker[i]);
    return health;
}

static void catalog_age_write(const struct admin *admin, char *out, size_t bytes)
{
    if (admin->catalog_heard_ms == 0)
        snprintf(out, bytes, "never heard of");
    else
        snprintf(out, bytes, "heard of %" PRIu64 " s ago",
                 (clock_monotonic_ms() - admin->catalog_heard_ms) / 1000);
}

// Not healthy only when no visitor's click can be recorded.
static bool health_write(const void *ctx, char *out)
{
    const struct admin *admin = ctx;
    struct health health = health_read(admin);
    bool good = health.journaled + health.held > 0;
    char age[64];

    catalog_age_write(admin, age, sizeof(age));
    snprintf(out, ADMIN_HEALTH_BYTES_MAX,
             "%s\nworkers: %u of %u alive\njournal: %u of %u journaled, %u wait for redis, %u cannot record\n"
             "redis: up for %u of %u workers\ncatalog: revision %" PRIu64 ", %s\n",
             good ? "ok" : "cannot record", health.alive, admin->workers, health.journaled, health.alive,
             health.held, health.blind, health.redis_up, health.alive, health.revision, age);
    return good;
}

static ssize_t metrics_write(const void *ctx, char *out, size_t out_bytes)
{
    const struct admin *admin = ctx;
    const void *counters[TRACKER_WORKERS_MAX], *recorders[TRACKER_WORKERS_MAX];
    const struct metric_table tables[] = {
        {own_metrics, array_length(own_metrics), &ctx, 1},
        {counters_metrics, counters_metrics_count, counters, admin->workers},
        {recorder_metrics, recorder_metrics_count, recorders, admin->workers},
    };
    size_t len = 0;

    for (unsigned i = 0; i < admin->workers; i++) {
        counters[i] = &admin->shared->worker[i].counters;
        recorders[i] = &admin->shared->worker[i].recorder;
    }
    for (size_t i = 0; i < array_length(tables); i++) {
        ssize_t bytes = metrics_render(tables[i].rows, tables[i].n, tables[i].instances,
                                       tables[i].n_instances, out + len, out_bytes - len);
        if (bytes < 0)
            return bytes;
        len += (size_t)bytes;
    }
    return (ssize_t)len;
}

struct admin_source admin_source_of(const struct admin *admin)
{
    return (struct admin_source){.health = health_write, .metrics = metrics_write, .ctx = admin};
}
