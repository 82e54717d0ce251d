// What operators ask the api. Owner: the program's loop. The counters live with those who count (service,
// pool, HTTP server); a snapshot of them is made for each answer.

#include "api/admin.h"

#define METRICS_BYTES_MAX 8192

struct snapshot {
    struct service_counters service;
    struct pg_pool_counters pool;
    struct http_counters http;
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
    GAUGE("waiting", pool.waiting, "Requests that wait for a connection."),
};

static void answer_text(struct http_conn *conn, unsigned status, struct slice type, struct slice body)
{
    struct http_header header = {SLICE("Content-Type"), type};
    http_respond(conn, status, &header, 1, body);
}

static void answer_metrics(struct http_conn *conn, const struct service *service)
{
    const struct snapshot snapshot = {service->counters, *pg_pool_counters(service->pool),
                                      *http_server_counters(service->server)};
    const void *instances[] = {&snapshot};
    char text[METRICS_BYTES_MAX];
    ssize_t len = metrics_render(metrics, array_length(metrics), instances, 1, text, sizeof(text));
    if (len < 0)
        answer_text(conn, 500, SLICE("text/plain"), SLICE("too long\n"));
    else
        answer_text(conn, 200, SLICE(METRICS_CONTENT_TYPE), (struct slice){text, (size_t)len});
}

static void admin_handle(void *ctx, struct http_conn *conn, const struct http_request *request)
{
    const struct service *service = ctx;
    if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        answer_text(conn, 405, SLICE("text/plain"), SLICE("GET or HEAD\n"));
    else if (slice_equal(request->path, SLICE("/metrics")))
        answer_metrics(conn, service);
    else if (!slice_equal(request->path, SLICE("/healthz")))
        answer_text(conn, 404, SLICE("text/plain"), SLICE("/healthz and /metrics are here\n"));
    else if (pg_pool_counters(service->pool)->open == 0)
        answer_text(conn, 503, SLICE("text/plain"), SLICE("no connection to PostgreSQL\n"));
    else
        answer_text(conn, 200, SLICE("text/plain"), SLICE("ok\n"));
}

struct http_server *admin_new(struct event_base *base, const struct service *service)
{
    static const struct http_limits limits = {.connections_max = 32, .body_bytes_max = 1024};
    return http_server_new(base, &limits, admin_handle, (void *)(uintptr_t)service);
}
