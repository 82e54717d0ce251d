// Second step: the candidate touches of each conversion compete, the winner's credit is written; and the last
// one, which tells every concerned partner why. Owner: the work. Needs orders sorted by conversion_id.

#include "attrib/work.h"

#include <errno.h>
#include <stdlib.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

static int scopes_load(struct work *work)
{
    struct array ids[1] = {{0}};
    struct pg_result *rows = NULL;
    size_t row = 0;

    work_ids(work, ids);
    int r = work_call(work, "select * from clickledger.conversion_scope($1)", ids, 1, &rows);
    if (r)
        return r;
    for (size_t i = 0; i < work->n; i++) {
        struct order *order = &work->orders[i];
        if (row == pg_result_rows(rows) || pg_result_int(rows, row, 0) != order->conversion_id)
            continue;
        order->month_us = pg_result_int(rows, row, 1);
        order->precedence = slice_equal(pg_result_cell(rows, row, 2), SLICE("last_touch"))
                                ? PRECEDENCE_LAST_TOUCH
                                : PRECEDENCE_CODE_OVER_CLICK;
        row++;
    }
    pg_result_free(rows);
    return 0;
}

static struct touch touch_of(const struct pg_result *rows, size_t row)
{
    return (struct touch){
        .kind =
            slice_equal(pg_result_cell(rows, row, TOUCH_KIND), SLICE("promo")) ? TOUCH_PROMO : TOUCH_CLICK,
        .is_human = slice_equal(pg_result_cell(rows, row, TOUCH_CLASS), SLICE("human")),
        .is_active = pg_result_bool(rows, row, TOUCH_IS_ACTIVE),
        .is_of_order = pg_result_bool(rows, row, TOUCH_IS_OF_ORDER),
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
    int r = work_call(work, "select * from clickledger.conversion_touches($1, " TEXT(WORK_TOUCHES_MAX) ")",
                      ids, 1, &work->touch_rows);
    if (r)
        return r;
    work->n_touches = pg_result_rows(work->touch_rows);
    work->touches = calloc(work->n_touches + 1, sizeof(work->touches[0]));
    if (!work->touches)
        return -ENOMEM;
    for (size_t i = 0; i < work->n_touches; i++)
        work->touches[i] = touch_of(work->touch_rows, i);
    return 0;
}

static void touches_decide(struct work *work)
{
    size_t next = 0;

    for (size_t i = 0; i < work->n; i++) {
        struct order *order = &work->orders[i];
        struct attribution attribution = {
            .program_id = order->program_id,
            .time_us = order->state.occurred_at_us,
            .precedence = order->precedence,
        };
        order->touch_from = next;
        while (next < work->n_touches &&
               pg_result_int(work->touch_rows, next, TOUCH_CONVERSION) == order->conversion_id)
            next++;
        order->touch_to = next;
        order->winner =
            order->touch_from + attribution_decide(&attribution, &work->touches[order->touch_from],
                                                   order->touch_to - order->touch_from);
    }
}

static void cells_add(const struct work *work, struct array columns[], const enum touch_column cells[],
                      size_t n, size_t touch)
{
    for (size_t i = 0; i < n; i++)
        array_text(&columns[i], pg_result_cell(work->touch_rows, touch, cells[i]));
}

static int credits_write(struct work *work)
{
    static const enum touch_column cells[] = {TOUCH_CONVERSION, TOUCH_KIND,    TOUCH_ID,   TOUCH_AT,
                                              TOUCH_PROGRAM,    TOUCH_PARTNER, TOUCH_LINK, TOUCH_PROMO_CODE};
    struct array columns[11] = {{0}};
    struct pg_result *written = NULL;

    work_ids(work, &columns[0]);
    for (size_t i = 0; i < work->n; i++) {
        const struct order *order = &work->orders[i];
        if (order->winner == order->touch_to)
            continue;
        cells_add(work, &columns[1], cells, array_length(cells), order->winner);
        array_int(&columns[9], work->touches[order->winner].weight_ppm);
        array_text(&columns[10], SLICE("last"));
    }
    int r = work_call(work, "select clickledger.credit_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                      columns, 11, &written);
    if (r)
        return r;
    work->counts.credits += (uint64_t)pg_result_int(written, 0, 0);
    pg_result_free(written);
    return 0;
}

int work_attribute(struct work *work)
{
    int r = scopes_load(work);
    if (r == 0)
        r = touches_load(work);
    if (r)
        return r;
    touches_decide(work);
    return credits_write(work);
}

static struct slice precedence_name(enum touch_precedence precedence)
{
    return precedence == PRECEDENCE_LAST_TOUCH ? SLICE("last_touch") : SLICE("code_over_click");
}

int work_explain(struct work *work)
{
    static const enum touch_column cells[] = {TOUCH_CONVERSION, TOUCH_KIND,    TOUCH_ID,   TOUCH_AT,
                                              TOUCH_PROGRAM,    TOUCH_PARTNER, TOUCH_LINK, TOUCH_PROMO_CODE,
                                              TOUCH_CLASS,      TOUCH_WINDOW};
    struct array columns[15] = {{0}};

    for (size_t i = 0; i < work->n; i++) {
        if (!work->orders[i].conversion_id)
            continue;
        array_int(&columns[0], work->orders[i].conversion_id);
        array_text(&columns[1], precedence_name(work->orders[i].precedence));
    }
    for (size_t i = 0; i < work->n_touches; i++) {
        const struct touch *touch = &work->touches[i];
        cells_add(work, &columns[2], cells, array_length(cells), i);
        array_int(&columns[12], touch->weight_ppm);
        array_text(&columns[13], slice_of(touch_verdict_name(touch->verdict)));
        array_text(&columns[14], slice_of(touch_verdict_reason(touch->verdict)));
    }
    return work_call(
        work,
        "select clickledger.explanation_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
        "$13, $14, $15)",
        columns, 15, NULL);
}
