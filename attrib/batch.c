// A batch is one REPEATABLE READ transaction: it sees one moment. What is committed while it runs (a touch, a
// report) is on the list of the next one, and what it wrote is committed by then; so a conversion and its
// late touch cannot miss each other. Owner: the program, which holds the advisory lock. A failing order is
// found by halving, in savepoints, and gets the verdict internal_error; the rest is done. Limits:
// BATCH_ORDERS_MAX of each sort, BATCH_TRIES_MAX tries after serialization failures and deadlocks.

#include "attrib/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/work.h"
#include "base/log.h"

#define BATCH_KEY "hashtext('clickledger.attrib.batch')"

struct batch {
    struct pg *pg;
    int64_t now_us;
    struct pg_result *taken;      // what was asked for the batch
    const struct pg_result *list; // rows as of order_take()
    struct order *orders;
    size_t n;
    struct batch_counts counts;
};

enum list_column {
    LIST_PROGRAM,
    LIST_KIND,
    LIST_ORDER,
    LIST_CURRENCY,
    LIST_CONVERSION,
};

// One number from a statement.
static int number_ask(struct pg *pg, const char *sql, int64_t *number)
{
    struct pg_result *result = NULL;
    int r = pg_query(pg, sql, NULL, 0, &result);

    if (r)
        return r;
    *number = pg_result_int(result, 0, 0);
    pg_result_free(result);
    return 0;
}

static int list_take(struct batch *batch)
{
    int64_t refused = 0, loads = 0;
    int r = number_ask(batch->pg, "select clickledger.time_us(now())", &batch->now_us);
    if (r == 0)
        r = number_ask(batch->pg, "select clickledger.report_refuse(" text_of(BATCH_ORDERS_MAX) ")",
                       &refused);
    if (r == 0)
        r = number_ask(batch->pg, "select clickledger.touch_batch_expand(" text_of(BATCH_TOUCH_LOADS_MAX) ")",
                       &loads);
    if (r == 0)
        r = pg_query(batch->pg, "select clickledger.terms_expand(" text_of(BATCH_TERMS_MAX) ")", NULL, 0,
                     NULL);
    if (r == 0)
        r = pg_query(batch->pg, "select clickledger.policy_expand(" text_of(BATCH_TERMS_MAX) ")", NULL, 0,
                     NULL);
    if (r == 0)
        r = pg_query(batch->pg, "select clickledger.rate_expand(" text_of(BATCH_TERMS_MAX) ")", NULL, 0,
                     NULL);
    if (r == 0)
        r = pg_query(batch->pg, "select * from clickledger.order_take(" text_of(BATCH_ORDERS_MAX) ")", NULL,
                     0, &batch->taken);
    batch->list = batch->taken;
    batch->counts.reports += (uint64_t)refused;
    batch->counts.touch_loads += (uint64_t)loads;
    return r;
}

static int orders_make(struct batch *batch)
{
    batch->n = pg_result_rows(batch->list);
    batch->orders = calloc(batch->n + 1, sizeof(batch->orders[0]));
    if (!batch->orders)
        return -ENOMEM;
    for (size_t i = 0; i < batch->n; i++) {
        batch->orders[i] = (struct order){
            .program_id = pg_result_int(batch->list, i, LIST_PROGRAM),
            .kind = pg_result_cell(batch->list, i, LIST_KIND),
            .order_id = pg_result_cell(batch->list, i, LIST_ORDER),
            .currency = pg_result_cell(batch->list, i, LIST_CURRENCY),
            .conversion_id = pg_result_int(batch->list, i, LIST_CONVERSION),
        };
    }
    batch->counts.orders += batch->n;
    return 0;
}

static int order_set_aside(struct batch *batch, const struct order *order, const struct pg_error *error)
{
    struct array columns[3] = {{0}};

    log_event(LOG_ERROR, "order.fault", log_int("program_id", order->program_id),
              log_slice("order_id", order->order_id), log_str("sqlstate", error->sqlstate),
              log_str("error", error->message));
    work_order(columns, order);
    struct pg_param params[] = {pg_text(array_literal(&columns[0])), pg_text(array_literal(&columns[1])),
                                pg_text(array_literal(&columns[2])), pg_string(error->message)};
    int r = pg_query(batch->pg, "select clickledger.order_settle($1, $2, $3, 'internal_error', $4)", params,
                     4, NULL);
    for (size_t i = 0; i < array_length(columns); i++)
        array_free(&columns[i]);
    batch->counts.faults++;
    return r;
}

static void counts_add(struct batch_counts *counts, const struct work_counts *more)
{
    counts->reports += more->reports;
    counts->conversions += more->conversions;
    counts->credits += more->credits;
    counts->commissions += more->commissions;
    counts->transactions += more->transactions;
}

// What else is refused (a function, column or right that is missing, because program and schema are of
// different versions) is refused for every order: then the batch fails, and no order is at fault.
static bool is_of_an_order(const struct pg *pg, int r)
{
    const char *sqlstate = pg_error(pg)->sqlstate;

    if (r == PG_OTHER) // more than one row, or none, where one was expected
        return strncmp(sqlstate, "21", 2) == 0 || strncmp(sqlstate, "P0", 2) == 0;
    return r == PG_DATA || r == PG_UNIQUE;
}

// Recursion halves n: its depth is at most log2 of the list's length.
static int orders_run(struct batch *batch, struct order *orders, size_t n)
{
    struct work work = {.pg = batch->pg, .now_us = batch->now_us, .orders = orders, .n = n};

    if (n == 0)
        return 0;
    int r = pg_exec(batch->pg, "savepoint orders");
    if (r)
        return r;
    r = work_run(&work);
    if (r == 0) {
        counts_add(&batch->counts, &work.counts);
        return pg_exec(batch->pg, "release savepoint orders");
    }
    if (!is_of_an_order(batch->pg, r))
        return r;
    struct pg_error error = *pg_error(batch->pg);
    r = pg_exec(batch->pg, "rollback to savepoint orders; release savepoint orders");
    if (r)
        return r;
    if (n == 1)
        return order_set_aside(batch, &orders[0], &error);
    r = orders_run(batch, orders, n / 2);
    return r ? r : orders_run(batch, orders + n / 2, n - n / 2);
}

int batch_orders(struct pg *pg, const struct pg_result *list, struct batch_counts *counts)
{
    struct batch batch = {.pg = pg, .list = list, .counts = *counts};
    int r = number_ask(pg, "select clickledger.time_us(now())", &batch.now_us);

    if (r == 0)
        r = orders_make(&batch);
    if (r == 0)
        r = orders_run(&batch, batch.orders, batch.n);
    if (r == 0)
        *counts = batch.counts;
    free(batch.orders);
    return r;
}

int batch_lock(struct pg *pg)
{
    return pg_query(pg, "select pg_advisory_lock(" BATCH_KEY ")", NULL, 0, NULL);
}

int batch_unlock(struct pg *pg)
{
    return pg_query(pg, "select pg_advisory_unlock(" BATCH_KEY ")", NULL, 0, NULL);
}

static int batch_steps(struct batch *batch)
{
    int r = batch_lock(batch->pg);
    if (r)
        return r;
    r = pg_exec(batch->pg, "begin isolation level repeatable read");
    if (r == 0)
        r = list_take(batch);
    if (r == 0)
        r = orders_make(batch);
    if (r == 0)
        r = orders_run(batch, batch->orders, batch->n);
    return r ? r : pg_exec(batch->pg, "commit");
}

static int batch_try(struct pg *pg, struct batch_counts *counts)
{
    struct batch batch = {.pg = pg, .counts = *counts};
    int r = batch_steps(&batch);

    if (r == 0)
        *counts = batch.counts;
    else if (pg_alive(pg) && pg_in_transaction(pg) && pg_exec(pg, "rollback") == PG_LOST)
        r = PG_LOST;
    if (pg_alive(pg) && batch_unlock(pg) == PG_LOST)
        r = PG_LOST;
    pg_result_free(batch.taken);
    free(batch.orders);
    return r;
}

int batch_run(struct pg *pg, struct batch_counts *counts, bool *did)
{
    struct batch_counts before = *counts;
    int r = PG_RETRY;

    for (int i = 0; i < BATCH_TRIES_MAX && r == PG_RETRY; i++) {
        r = batch_try(pg, counts);
        counts->retries += r == PG_RETRY;
    }
    *did = counts->orders != before.orders || counts->reports != before.reports ||
           counts->touch_loads != before.touch_loads;
    counts->batches += *did;
    return r;
}
