// What operators ask the api. Owner: the program's loop. The counters live with those who count (service,
// pool, HTTP server); a snapshot of them is made for each answer. Not healthy: no connection to PostgreSQL.

#include "api/admin.h"

#include <string.h>

struct snapshot {
    struct service_counters service;
    struct pg_pool_counters pool;
    struct http_counters http;
    struct exports exports;
    struct uploads uploads;
};

#define ROW(metric_name, kind, member, text, label_text)                                                     \
    {                                                                                                        \
        .name = "clickledger_api_" metric_name, .help = text, .type = kind,                                  \
        .offset = offsetof(struct snapshot, member), .labels = label_text                                    \
    }
#define COUNTER(name, member, text)     ROW(name, METRIC_COUNTER, member, text, NULL)
#define PART(name, member, text, label) ROW(name, METRIC_COUNTER, member, text, label)
#define GAUGE(name, member, text)       ROW(name, METRIC_GAUGE, member, text, NULL)
#define REFUSED(member, why)            PART("refused_total", service.member, "Requests that were refused.", why)
#define JOBS(member, end)               PART("jobs_total", pool.member, "Transactions by how they ended.", end)

static const struct metric metrics[] = {
    COUNTER("requests_total", http.requests, "Requests that could be read."),
    COUNTER("connections_total", http.accepted, "Connections accepted."),
    COUNTER("shed_total", http.shed, "Connections answered 503 before a request was read."),
    REFUSED(refused, "reason=\"request\""),
    REFUSED(unauthorized, "reason=\"unauthorized\""),
    REFUSED(limited, "reason=\"too_many_failures\""),
    REFUSED(paced, "reason=\"too_many_requests\""),
    REFUSED(unavailable, "reason=\"unavailable\""),
    REFUSED(failed, "reason=\"internal\""),
    JOBS(done, "end=\"done\""),
    JOBS(refused, "end=\"refused\""),
    JOBS(lost, "end=\"lost\""),
    JOBS(unsent, "end=\"unsent\""),
    JOBS(full, "end=\"not_accepted\""),
    COUNTER("postgres_connects_total", pool.connects, "Connections to PostgreSQL made."),
    COUNTER("postgres_disconnects_total", pool.disconnects, "Connections to PostgreSQL lost or closed."),
    GAUGE("postgres_connections", pool.open, "Connections to PostgreSQL."),
    GAUGE("postgres_busy", pool.busy, "Of them, with a transaction."),
    COUNTER("exports_total", exports.begun, "Lists that were asked for as CSV."),
    COUNTER("exports_broken_total", exports.broken,
            "Of them, broken off: by the client, the database or the time."),
    GAUGE("exports_open", exports.open, "Of them, being read now."),
    COUNTER("uploads_total", uploads.begun, "Files of rows that were sent."),
    COUNTER("uploads_broken_total", uploads.broken, "Of them, ended before their end."),
    GAUGE("uploads_open", uploads.open, "Of them, under way."),
    GAUGE("waiting", pool.waiting, "Requests that wait for a connection."),
};

static ssize_t metrics_write(const void *ctx, char *out, size_t out_bytes)
{
    const struct service *service = ctx;
    const struct snapshot snapshot = {service->counters, *pg_pool_counters(service->pool),
                                      *http_server_counters(service->server), service->exports,
                                      service->uploads};
    const void *instances[] = {&snapshot};
    return metrics_render(metrics, array_length(metrics), instances, 1, out, out_bytes);
}

static bool health_write(const void *ctx, char *out)
{
    const struct service *service = ctx;
    bool ok = pg_pool_counters(service->pool)->open > 0;

    strcpy(out, ok ? "ok\n" : "no connection to PostgreSQL\n");
    return ok;
}

struct admin_source admin_source_of(const struct service *service)
{
    return (struct admin_source){.health = health_write, .metrics = metrics_write, .ctx = service};
}
