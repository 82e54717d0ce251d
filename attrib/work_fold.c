// First step: every order's reports and decisions are folded anew, conversions and verdicts written where
// they have changed. Owner: the work. Afterwards the orders are sorted by the number of their conversion.

#include "attrib/work.h"

#include <errno.h>
#include <stdlib.h>

enum event_column {
    EVENT_ORDINAL,
    EVENT_IS_DECISION,
    EVENT_ID,
    EVENT_NUMBER,
    EVENT_AT,
    EVENT_IS_TIMED,
    EVENT_IS_PIXEL,
    EVENT_STATUS,
    EVENT_AMOUNT,
    EVENT_AMOUNT_MINOR,
    EVENT_CLICK_STATE,
    EVENT_CURRENCY,
    EVENT_EVENT_ID,
    EVENT_CLICK,
    EVENT_VISITOR,
    EVENT_PROMO,
    EVENT_CUSTOMER,
    EVENT_PRODUCT,
    EVENT_REASON,
    EVENT_RATE,
    EVENT_RATE_ID,
    EVENT_LINES,
};

static enum conversion_click click_of(struct slice name)
{
    if (slice_equal(name, SLICE("ours")))
        return CLICK_OURS;
    if (slice_equal(name, SLICE("foreign")))
        return CLICK_FOREIGN;
    return slice_equal(name, SLICE("unknown")) ? CLICK_UNKNOWN : CLICK_UNSAID;
}

static struct conversion_event event_of(const struct pg_result *rows, size_t row)
{
    return (struct conversion_event){
        .is_decision = pg_result_bool(rows, row, EVENT_IS_DECISION),
        .is_pixel = pg_result_bool(rows, row, EVENT_IS_PIXEL),
        .is_timed = pg_result_bool(rows, row, EVENT_IS_TIMED),
        .time_us = pg_result_int(rows, row, EVENT_AT),
        .id = pg_result_cell(rows, row, EVENT_ID),
        .number = pg_result_int(rows, row, EVENT_NUMBER),
        .status = conversion_status_find(pg_result_cell(rows, row, EVENT_STATUS)),
        .has_amount = !pg_result_is_null(rows, row, EVENT_AMOUNT),
        .amount_minor = pg_result_int(rows, row, EVENT_AMOUNT_MINOR),
        .click = click_of(pg_result_cell(rows, row, EVENT_CLICK_STATE)),
        .currency = pg_result_cell(rows, row, EVENT_CURRENCY),
        .event_id = pg_result_cell(rows, row, EVENT_EVENT_ID),
        .click_id = pg_result_cell(rows, row, EVENT_CLICK),
        .visitor_id = pg_result_cell(rows, row, EVENT_VISITOR),
        .promo = pg_result_cell(rows, row, EVENT_PROMO),
        .customer = pg_result_cell(rows, row, EVENT_CUSTOMER),
        .product = pg_result_cell(rows, row, EVENT_PRODUCT),
        .reason = pg_result_cell(rows, row, EVENT_REASON),
        .lines = pg_result_cell(rows, row, EVENT_LINES),
        .rate_pico = pg_result_int(rows, row, EVENT_RATE),
        .rate_id = pg_result_int(rows, row, EVENT_RATE_ID),
    };
}

static int events_load(struct work *work)
{
    struct array orders[3] = {{0}};

    for (size_t i = 0; i < work->n; i++)
        work_order(orders, &work->orders[i]);
    int r = work_call(
        work, "select * from clickledger.order_events($1, $2, $3, " text_of(CONVERSION_REPORTS_MAX) ")",
        orders, 3, &work->event_rows);
    if (r)
        return r;
    size_t n = pg_result_rows(work->event_rows);
    work->events = calloc(n + 1, sizeof(work->events[0]));
    if (!work->events)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        work->events[i] = event_of(work->event_rows, i);
    return 0;
}

// Rows are ordered by the order's place, which counts from 1.
static size_t events_end(const struct work *work, size_t order, size_t from)
{
    size_t to = from;
    while (to < pg_result_rows(work->event_rows) &&
           pg_result_int(work->event_rows, to, EVENT_ORDINAL) == (int64_t)order + 1)
        to++;
    return to;
}

// A lead, and a stage that a deal has reached, may come without one.
static bool kind_needs_amount(struct slice kind)
{
    return !slice_equal(kind, SLICE("lead")) && !slice_equal(kind, SLICE("stage"));
}

static int orders_fold(struct work *work)
{
    size_t from = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < work->n; i++) {
        struct order *order = &work->orders[i];
        size_t to = events_end(work, i, from);
        conversion_sort(&work->events[from], to - from);
        conversion_fold(&work->events[from], to - from, kind_needs_amount(order->kind), order->currency,
                        &order->state);
        r = work_lines_fold(work, order, &work->events[from], to - from);
        from = to;
    }
    return r;
}

static void conversion_add(struct array column[14], const struct order *order)
{
    const struct conversion *state = &order->state;

    work_order(column, order);
    array_text(&column[3], order->currency);
    array_int(&column[4], state->occurred_at_us);
    array_text(&column[5], slice_of(conversion_status_name(state->status)));
    array_text(&column[6], state->reason);
    array_int(&column[7], state->amount_minor);
    array_int(&column[8], state->refunded_minor);
    array_text(&column[9], state->click_id);
    array_text(&column[10], state->visitor_id);
    array_text(&column[11], state->promo);
    array_text(&column[12], state->customer);
    array_text(&column[13], state->product);
}

static int conversions_write(struct work *work)
{
    struct array columns[14] = {{0}};
    struct pg_result *written = NULL;

    for (size_t i = 0; i < work->n; i++) {
        if (work->orders[i].state.exists)
            conversion_add(columns, &work->orders[i]);
    }
    int r =
        work_call(work,
                  "select conversion_id from clickledger.conversion_write($1, $2, $3, $4, $5, $6, $7, $8, "
                  "$9, $10, $11, $12, $13, $14)",
                  columns, 14, &written);
    if (r)
        return r;
    for (size_t i = 0, row = 0; i < work->n; i++) {
        if (work->orders[i].state.exists)
            work->orders[i].conversion_id = pg_result_int(written, row++, 0);
    }
    work->counts.conversions += pg_result_rows(written);
    pg_result_free(written);
    return 0;
}

// What conversions in other currencies were before they were converted.
static int exchanges_write(struct work *work)
{
    struct array columns[6] = {{0}};

    work_ids(work, &columns[0]);
    for (size_t i = 0; i < work->n; i++) {
        const struct conversion *state = &work->orders[i].state;
        if (!state->exists || state->rate_id == 0)
            continue;
        array_int(&columns[1], work->orders[i].conversion_id);
        array_text(&columns[2], state->currency);
        array_int(&columns[3], state->sold_minor);
        array_int(&columns[4], state->returned_minor);
        array_int(&columns[5], state->rate_id);
    }
    return work_call(work, "select clickledger.conversion_exchange_write($1, $2, $3, $4, $5, $6)", columns, 6,
                     NULL);
}

static void verdict_add(struct array column[4], const struct conversion_event *event, int64_t conversion_id)
{
    array_text(&column[0], event->id);
    array_text(&column[1], slice_of(conversion_verdict_name(event->verdict)));
    array_text(&column[2], event->click == CLICK_UNKNOWN ? SLICE("click_unknown") : SLICE_NONE);
    if (conversion_id)
        array_int(&column[3], conversion_id);
    else
        array_text(&column[3], SLICE_NONE);
}

static int reports_write(struct work *work)
{
    struct array columns[4] = {{0}};
    struct pg_result *written = NULL;
    size_t from = 0;

    for (size_t i = 0; i < work->n; i++) {
        size_t to = events_end(work, i, from);
        for (; from < to; from++) {
            if (!work->events[from].is_decision)
                verdict_add(columns, &work->events[from], work->orders[i].conversion_id);
        }
    }
    int r = work_call(work, "select clickledger.report_write($1, $2, $3, $4)", columns, 4, &written);
    if (r)
        return r;
    work->counts.reports += (uint64_t)pg_result_int(written, 0, 0);
    pg_result_free(written);
    return 0;
}

static int orders_settle(struct work *work)
{
    struct array orders[3] = {{0}}, ids[1] = {{0}};

    for (size_t i = 0; i < work->n; i++)
        work_order(orders, &work->orders[i]);
    int r = work_call(work, "select clickledger.order_settle($1, $2, $3, 'too_many_reports', null)", orders,
                      3, NULL);
    if (r)
        return r;
    work_ids(work, ids);
    return work_call(work, "select clickledger.conversion_key_write($1)", ids, 1, NULL);
}

static int order_compare(const void *left, const void *right)
{
    const struct order *a = left, *b = right;
    return (a->conversion_id > b->conversion_id) - (a->conversion_id < b->conversion_id);
}

int work_fold(struct work *work)
{
    int r = events_load(work);
    if (r)
        return r;
    r = orders_fold(work);
    if (r == 0)
        r = conversions_write(work);
    if (r == 0)
        r = exchanges_write(work);
    if (r == 0)
        r = work_lines_write(work);
    if (r == 0)
        r = reports_write(work);
    if (r == 0)
        r = orders_settle(work);
    if (r == 0 && work->n > 1)
        qsort(work->orders, work->n, sizeof(work->orders[0]), order_compare);
    return r;
}
