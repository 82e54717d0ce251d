// What operators and supervisors ask the daemon. A standby is healthy: it waits for the leader to go.
// Owner: the daemon's loop.

#include "attrib/admin.h"

#include <string.h>

#include "base/metrics.h"

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
    COUNTER("seals_total", seals.seals, "Seals of the ledger."),
    COUNTER("sealed_transactions_total", seals.transactions, "Ledger transactions sealed."),
    COUNTER("seal_heads_failures_total", seals.heads_failed,
            "Times that heads of seals could not be appended to their file."),
    COUNTER("faults_total", counts.faults, "Orders set aside with internal_error."),
    COUNTER("retries_total", counts.retries,
            "Batches tried again after a serialization failure or deadlock."),
    COUNTER("failures_total", failures, "Batches that failed as a whole, and lost connections."),
    GAUGE("postgres_connected", connected, "1: there is a connection to PostgreSQL."),
    GAUGE("leader", leader, "Whether this worker attributes (1) or stands by (0)."),
};

static ssize_t metrics_write(const void *ctx, char *out, size_t out_bytes)
{
    return metrics_render(metrics, array_length(metrics), &ctx, 1, out, out_bytes);
}

static bool health_write(const void *ctx, char *out)
{
    const struct admin_state *state = ctx;

    if (!state->connected)
        strcpy(out, "no connection to PostgreSQL\n");
    else
        strcpy(out, state->leader ? "ok\n" : "ok, standing by\n");
    return state->connected;
}

struct admin_source admin_source_of(const struct admin_state *state)
{
    return (struct admin_source){.health = health_write, .metrics = metrics_write, .ctx = state};
}
