// A preview is a dry run (attrib/recompute.c) with terms that exist in its transaction only: the batches that
// pay, between two sums of the month's commissions, and a rollback. Owner: the leader, between its batches.
// Invariant: nothing of it stays but the preview's own row. Limit: PREVIEW_MS_MAX.

#include "attrib/preview.h"

#include <string.h>

#include "attrib/order_range.h"
#include "base/clock.h"
#include "base/log.h"

struct preview {
    int64_t id;
    struct order_range range;
    struct batch_counts counts;
    struct pg_result *now_cost, *then_cost;
};

static int preview_take(struct pg *pg, struct preview *preview)
{
    struct pg_result *rows = NULL;
    int r = pg_query(pg, "select * from clickledger.terms_preview_take()", NULL, 0, &rows);

    if (r)
        return r;
    if (pg_result_rows(rows) > 0) {
        preview->id = pg_result_int(rows, 0, 0);
        preview->range.program_id = pg_result_int(rows, 0, 1);
        preview->range.from_ms = pg_result_int(rows, 0, 2) / 1000;
        preview->range.to_ms = pg_result_int(rows, 0, 3) / 1000;
    }
    pg_result_free(rows);
    return 0;
}

static int cost_ask(struct pg *pg, const struct preview *preview, struct pg_result **cost)
{
    struct pg_param params[] = {pg_int(preview->id)};

    return pg_query(pg, "select clickledger.terms_preview_cost($1)", params, 1, cost);
}

static int steps_do(struct pg *pg, struct preview *preview)
{
    uint64_t until_ms = clock_monotonic_ms() + PREVIEW_MS_MAX, orders = 0;
    struct pg_param params[] = {pg_int(preview->id)};
    int r = pg_exec(pg, "begin isolation level repeatable read;"
                        " set local statement_timeout = " text_of(PREVIEW_MS_MAX));
    if (r == 0)
        r = cost_ask(pg, preview, &preview->now_cost);
    if (r == 0)
        r = pg_query(pg, "select clickledger.terms_preview_apply($1)", params, 1, NULL);
    if (r == 0)
        r = order_range_all(pg, &preview->range, until_ms, &preview->counts, &orders);
    if (r == 0)
        r = cost_ask(pg, preview, &preview->then_cost);
    return r;
}

// NULL: it was computed.
static const char *fault_of(struct pg *pg, const struct preview *preview, int r)
{
    if (r == ORDER_RANGE_LATE || (r == PG_RETRY && strcmp(pg_error(pg)->sqlstate, "57014") == 0))
        return "too_many_orders";
    if (r == 0 && preview->counts.faults == 0)
        return NULL;
    log_event(LOG_ERROR, "preview.failed", log_int("preview", preview->id),
              log_uint("faults", preview->counts.faults),
              log_str("error", r > 0 ? pg_error(pg)->message : ""));
    return "not_computed";
}

static struct pg_param cost_param(const struct pg_result *cost)
{
    return cost ? pg_text(pg_result_cell(cost, 0, 0)) : pg_null();
}

static int preview_end(struct pg *pg, const struct preview *preview, const char *fault)
{
    struct pg_param params[] = {pg_int(preview->id), cost_param(preview->now_cost),
                                cost_param(preview->then_cost), fault ? pg_string(fault) : pg_null()};
    return pg_query(pg, "select clickledger.terms_preview_end($1, $2::jsonb, $3::jsonb, $4::text)", params,
                    array_length(params), NULL);
}

static int preview_do(struct pg *pg, struct preview *preview)
{
    int r = batch_lock(pg);

    if (r == 0)
        r = steps_do(pg, preview);
    const char *fault = fault_of(pg, preview, r);
    if (pg_alive(pg) && pg_in_transaction(pg) && pg_exec(pg, "rollback") == PG_LOST)
        return PG_LOST;
    if (!pg_alive(pg) || batch_unlock(pg) == PG_LOST)
        return PG_LOST;
    return preview_end(pg, preview, fault);
}

int preview_run(struct pg *pg, bool *did)
{
    struct preview preview = {0};
    int r = preview_take(pg, &preview);

    *did = r == 0 && preview.id != 0;
    if (*did)
        r = preview_do(pg, &preview);
    pg_result_free(preview.now_cost);
    pg_result_free(preview.then_cost);
    return r;
}
