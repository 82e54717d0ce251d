// Last step: every concerned partner is told why. Owner: the work. Of others' touches explanation_write()
// keeps only kind, verdict, reason and age.

#include "attrib/work.h"

static void order_add(struct array columns[5], const struct order *order)
{
    array_int(&columns[0], order->conversion_id);
    array_text(&columns[1], work_model(order));
    array_text(&columns[2], slice_of(touch_precedence_name(order->policy.precedence)));
    array_bool(&columns[3], order->credited.is_truncated);
    if (order->policy_id)
        array_int(&columns[4], order->policy_id);
    else
        array_text(&columns[4], SLICE_NONE);
}

static void touch_add(const struct work *work, const struct order *order, size_t i, struct array columns[14])
{
    static const enum touch_column cells[] = {TOUCH_CONVERSION, TOUCH_KIND,       TOUCH_ID,
                                              TOUCH_AT,         TOUCH_PROGRAM,    TOUCH_PARTNER,
                                              TOUCH_LINK,       TOUCH_PROMO_CODE, TOUCH_CLASS};
    const struct touch *touch = &work->touches[i];
    int64_t window_us = order->policy.window_us[touch->kind];

    work_touch_cells(work, columns, cells, array_length(cells), i);
    array_int(&columns[9], window_us == WINDOW_OF_TERMS ? touch->window_us : window_us);
    array_int(&columns[10], touch->weight_ppm);
    array_int(&columns[11], touch->amount_minor);
    array_text(&columns[12], slice_of(touch_verdict_name(touch->verdict)));
    array_text(&columns[13], slice_of(touch_verdict_reason(touch->verdict)));
}

int work_explain(struct work *work)
{
    struct array columns[19] = {{0}};

    for (size_t i = 0; i < work->n; i++) {
        const struct order *order = &work->orders[i];
        if (order->conversion_id)
            order_add(columns, order);
        for (size_t touch = order->touch_from; touch < order->touch_to; touch++)
            touch_add(work, order, touch, &columns[5]);
    }
    return work_call(
        work,
        "select clickledger.explanation_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
        "$14, $15, $16, $17, $18, $19)",
        columns, 19, NULL);
}
