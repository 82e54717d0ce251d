// What operators and supervisors ask the daemon. A standby is healthy: it waits for the leader to go.
// Owner: the daemon's loop.

#include "attrib/admin.h"

#include "base/metrics.h"
#include "base/slice.h"

#define METRICS_BYTES_MAX 8192

#define COUNTER(metric_name, member, text)                                                                   \
    {                                                                                                        \
        "clickledger_attrib_" metric_name, text, METRIC_COUNTER, offsetof(struct admin_state, member), NULL, \
            false                                                                                            \
    }
#define GAUGE(metric_name, member, text)                                                                     \
    {                                                                                                        \
        "clickledger_attrib_" metric_name, text, METRIC_GAUGE, offsetof(struct admin_state, member), NULL,   \
            false                                                                                            \
    }

static const struct metric metrics[] = {
    COUNTER("batches_total", counts.batches, "Batches that had something to do."),
    COUNTER("touch_loads_total", counts.touch_loads, "Loads of touches looked at."),
    COUNTER("orders_total", counts.orders, "Orders computed, again and again included."),
    COUNTER("reports_total", counts.reports, "Verdicts given or changed."),
    COUNTER("credits_total", counts.credits, "Credits written or taken away."),
    COUNTER("commissions_total", counts.commissions, "Commissions written or changed."),
    COUNTER("transactions_total", counts.transactions, "Ledger transactions posted."),
    COUNTER("faults_total", counts.faults, "Orders set aside with internal_error."),
    COUNTER("retries_total", counts.retries,
            "Batches tried again after a serialization failure or deadlock."),
    COUNTER("failures_total", failures, "Batches that failed as a whole, and lost connections."),
    GAUGE("postgres_connected", connected, "1: there is a connection to PostgreSQL."),
    GAUGE("leader", leader, "Whether this worker attributes (1) or stands by (0)."),
};

static void answer_text(struct http_conn *conn, unsigned status, struct slice type, struct slice body)
{
    struct http_header header = {SLICE("Content-Type"), type};
    http_respond(conn, status, &header, 1, body);
}

static void answer_metrics(struct http_conn *conn, const struct admin_state *state)
{
    const void *instances[] = {state};
    char text[METRICS_BYTES_MAX];
    ssize_t len = metrics_render(metrics, array_length(metrics), instances, 1, text, sizeof(text));

    if (len < 0)
        answer_text(conn, 500, SLICE("text/plain"), SLICE("too long\n"));
    else
        answer_text(conn, 200, SLICE(METRICS_CONTENT_TYPE), (struct slice){text, (size_t)len});
}

static void admin_handle(void *ctx, struct http_conn *conn, const struct http_request *request)
{
    const struct admin_state *state = ctx;

    if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        answer_text(conn, 405, SLICE("text/plain"), SLICE("GET or HEAD\n"));
    else if (slice_equal(request->path, SLICE("/metrics")))
        answer_metrics(conn, state);
    else if (!slice_equal(request->path, SLICE("/healthz")))
        answer_text(conn, 404, SLICE("text/plain"), SLICE("/healthz and /metrics are here\n"));
    else if (!state->connected)
        answer_text(conn, 503, SLICE("text/plain"), SLICE("no connection to PostgreSQL\n"));
    else
        answer_text(conn, 200, SLICE("text/plain"),
                    state->leader ? SLICE("ok\n") : SLICE("ok, standing by\n"));
}

struct http_server *admin_new(struct event_base *base, const struct admin_state *state)
{
    static const struct http_limits limits = {.connections_max = 32, .body_bytes_max = 1024};
    return http_server_new(base, &limits, admin_handle, (void *)(uintptr_t)state);
}
