// The steps of a batch and what they share. Owner: the batch, which gives the orders and the transaction.
// Every statement takes all orders at once: the number of round trips does not depend on the number of
// orders.

#include "attrib/work.h"

#include <errno.h>
#include <stdlib.h>

int work_call(struct work *work, const char *sql, struct array arrays[], size_t n, struct pg_result **result)
{
    struct pg_param params[WORK_ARRAYS_MAX] = {{0}};
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        params[i] = pg_text(array_literal(&arrays[i]));
        if (arrays[i].failed)
            r = -ENOMEM;
    }
    if (r == 0)
        r = pg_query(work->pg, sql, params, n, result);
    for (size_t i = 0; i < n; i++)
        array_free(&arrays[i]);
    return r;
}

void work_ids(const struct work *work, struct array *ids)
{
    for (size_t i = 0; i < work->n; i++) {
        if (work->orders[i].conversion_id)
            array_int(ids, work->orders[i].conversion_id);
    }
}

void work_order(struct array arrays[3], const struct order *order)
{
    array_int(&arrays[0], order->program_id);
    array_text(&arrays[1], order->kind);
    array_text(&arrays[2], order->order_id);
}

static int hourly_add(struct work *work, const char *sql)
{
    struct array ids[1] = {{0}};

    work_ids(work, ids);
    return work_call(work, sql, ids, 1, NULL);
}

static int work_steps(struct work *work)
{
    int r = hourly_add(work, "select clickledger.conversion_hourly_add($1, -1)");
    if (r == 0)
        r = work_fold(work);
    if (r == 0)
        r = work_attribute(work);
    if (r == 0)
        r = work_commission(work);
    if (r == 0)
        r = hourly_add(work, "select clickledger.conversion_hourly_add($1, 1)");
    if (r == 0)
        r = work_explain(work);
    // The ledger is balanced here already, so that what is wrong with one order shows now and not at COMMIT.
    if (r == 0)
        r = pg_exec(work->pg, "set constraints all immediate; set constraints all deferred");
    return r;
}

int work_run(struct work *work)
{
    int r = work_steps(work);

    pg_result_free(work->event_rows);
    pg_result_free(work->touch_rows);
    pg_result_free(work->line_rows);
    free(work->lines);
    free(work->events);
    free(work->touches);
    work->event_rows = work->touch_rows = work->line_rows = NULL;
    work->lines = NULL;
    work->events = NULL;
    work->touches = NULL;
    return r;
}
