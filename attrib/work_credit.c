// Second step: the candidate touches of each conversion compete under the policy in force, their credits are
// written, and what they bind. Owner: the work. Needs orders sorted by conversion_id.

#include "attrib/work.h"

#include <errno.h>
#include <stdlib.h>

#include "attrib/policy_row.h"

// Columns of attribution_scope().
enum scope_column {
    SCOPE_CONVERSION,
    SCOPE_MONTH,
    SCOPE_POLICY,
    SCOPE_RULES, // as policy_read() takes them
};

// --- The policy

static int scopes_take(struct work *work, const struct pg_result *rows)
{
    size_t row = 0;

    for (size_t i = 0; i < work->n; i++) {
        struct order *order = &work->orders[i];
        if (row == pg_result_rows(rows) || pg_result_int(rows, row, SCOPE_CONVERSION) != order->conversion_id)
            continue;
        order->month_us = pg_result_int(rows, row, SCOPE_MONTH);
        order->policy_id = pg_result_int(rows, row, SCOPE_POLICY);
        int r = policy_read(rows, row++, SCOPE_RULES, &order->policy);
        if (r)
            return r;
    }
    return 0;
}

static int scopes_load(struct work *work)
{
    struct array ids[1] = {{0}};
    struct pg_result *rows = NULL;

    work_ids(work, ids);
    int r = work_call(work, "select * from clickledger.attribution_scope($1)", ids, 1, &rows);
    if (r)
        return r;
    r = scopes_take(work, rows);
    pg_result_free(rows);
    return r;
}

// --- The touches

static struct touch touch_of(const struct pg_result *rows, size_t row)
{
    return (struct touch){
        .kind = touch_kind_find(pg_result_cell(rows, row, TOUCH_KIND)),
        .is_human = slice_equal(pg_result_cell(rows, row, TOUCH_CLASS), SLICE("human")),
        .is_active = pg_result_bool(rows, row, TOUCH_IS_ACTIVE),
        .is_of_order = pg_result_bool(rows, row, TOUCH_IS_OF_ORDER),
        .is_bound = pg_result_bool(rows, row, TOUCH_IS_BOUND),
        .id = pg_result_cell(rows, row, TOUCH_ID),
        .time_us = pg_result_int(rows, row, TOUCH_AT),
        .window_us = pg_result_int(rows, row, TOUCH_WINDOW),
        .program_id = pg_result_int(rows, row, TOUCH_PROGRAM),
        .partner_id = pg_result_int(rows, row, TOUCH_PARTNER),
        .promo_code_id = pg_result_int(rows, row, TOUCH_PROMO_CODE),
    };
}

static int touches_load(struct work *work)
{
    struct array ids[1] = {{0}};

    work_ids(work, ids);
    int r = work_call(work, "select * from clickledger.conversion_touches($1, " text_of(WORK_TOUCHES_MAX) ")",
                      ids, 1, &work->touch_rows);
    if (r)
        return r;
    work->n_touches = pg_result_rows(work->touch_rows);
    work->touches = calloc(work->n_touches + 1, sizeof(work->touches[0]));
    if (!work->touches)
        return -ENOMEM;
    for (size_t i = 0; i < work->n_touches; i++) {
        work->touches[i] = touch_of(work->touch_rows, i);
        if (work->touches[i].kind == TOUCH_KINDS)
            return -EBADMSG;
    }
    return 0;
}

static void order_decide(struct work *work, struct order *order)
{
    struct attribution attribution = {
        .program_id = order->program_id,
        .time_us = order->state.occurred_at_us,
        .amount_minor = order->state.amount_minor - order->state.refunded_minor,
        .policy = &order->policy,
    };

    order->credited = attribution_decide(&attribution, &work->touches[order->touch_from],
                                         order->touch_to - order->touch_from);
}

static void touches_decide(struct work *work)
{
    size_t next = 0;

    for (size_t i = 0; i < work->n; i++) {
        struct order *order = &work->orders[i];
        order->touch_from = next;
        while (next < work->n_touches &&
               pg_result_int(work->touch_rows, next, TOUCH_CONVERSION) == order->conversion_id)
            next++;
        order->touch_to = next;
        if (order->conversion_id)
            order_decide(work, order);
    }
}

// --- The credits

void work_touch_cells(const struct work *work, struct array columns[], const enum touch_column cells[],
                      size_t n, size_t touch)
{
    for (size_t i = 0; i < n; i++)
        array_text(&columns[i], pg_result_cell(work->touch_rows, touch, cells[i]));
}

struct slice work_model(const struct order *order)
{
    return order->credited.is_bound ? SLICE("bound") : slice_of(model_name(order->policy.model.kind));
}

static void credits_add(const struct work *work, const struct order *order, struct array columns[11])
{
    static const enum touch_column cells[] = {TOUCH_CONVERSION, TOUCH_KIND,    TOUCH_ID,   TOUCH_AT,
                                              TOUCH_PROGRAM,    TOUCH_PARTNER, TOUCH_LINK, TOUCH_PROMO_CODE};

    for (size_t i = order->touch_from; i < order->touch_to; i++) {
        if (work->touches[i].weight_ppm == 0)
            continue;
        work_touch_cells(work, columns, cells, array_length(cells), i);
        array_int(&columns[8], work->touches[i].weight_ppm);
        array_int(&columns[9], work->touches[i].amount_minor);
        array_text(&columns[10], work_model(order));
    }
}

static int credits_write(struct work *work)
{
    struct array columns[12] = {{0}};
    struct pg_result *written = NULL;

    work_ids(work, &columns[0]);
    for (size_t i = 0; i < work->n; i++)
        credits_add(work, &work->orders[i], &columns[1]);
    int r =
        work_call(work, "select clickledger.credit_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                  columns, 12, &written);
    if (r)
        return r;
    work->counts.credits += (uint64_t)pg_result_int(written, 0, 0);
    pg_result_free(written);
    return 0;
}

static int customers_bind(struct work *work)
{
    struct array ids[1] = {{0}};

    work_ids(work, ids);
    return work_call(work, "select clickledger.customer_bind($1)", ids, 1, NULL);
}

int work_attribute(struct work *work)
{
    int r = scopes_load(work);
    if (r == 0)
        r = touches_load(work);
    if (r)
        return r;
    touches_decide(work);
    r = credits_write(work);
    return r ? r : customers_bind(work);
}
