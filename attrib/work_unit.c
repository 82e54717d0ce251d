// Units: programme, partner, month in the programme's zone. Where tiers or a largest sum a month make one
// order's commission depend on others, the batch's orders are computed together with what is written of
// their units. Owner: the work's third step. Only the batch's own commissions are written by it; others that
// come out differently are put on the list, and what they depend on is written by then, so it settles.
// Limit: a unit is in memory as a whole.

#include "attrib/work_share.h"

#include <errno.h>
#include <stdlib.h>

#define SHARES_MIN 64

enum unit_column {
    UNIT_CONVERSION,
    UNIT_PARTNER,
    UNIT_PROGRAM,
    UNIT_MONTH,
    UNIT_OCCURRED,
    UNIT_KIND,
    UNIT_ORDER,
    UNIT_STATUS,
    UNIT_BASE,
    UNIT_WEIGHT,
    UNIT_TERMS,
    UNIT_RULE,
    UNIT_AMOUNT,
    UNIT_VOLUME,
    UNIT_UNCAPPED,
    UNIT_PART,
};

struct share *share_list_add(struct share_list *list)
{
    if (list->n == list->size) {
        size_t size = list->size ? 2 * list->size : SHARES_MIN;
        struct share *items = reallocarray(list->items, size, sizeof(items[0]));
        if (!items)
            return NULL;
        list->items = items;
        list->size = size;
    }
    return &list->items[list->n++];
}

void share_list_free(struct share_list *list)
{
    pg_result_free(list->posted);
    pg_result_free(list->unit_rows);
    pg_result_free(list->fact_rows);
    pg_result_free(list->rule_rows);
    free(list->lines);
    free(list->rules);
    free(list->tiers);
    free(list->items);
}

// --- Loading

static void unit_add(struct array columns[3], int64_t program_id, int64_t partner_id, int64_t month_us)
{
    array_int(&columns[0], program_id);
    array_int(&columns[1], partner_id);
    array_int(&columns[2], month_us);
}

// Units that the batch's orders are in, and were in.
static void units_add(const struct work *work, const struct share_list *list, struct array columns[4])
{
    const struct pg_result *posted = list->posted;

    for (size_t i = 0; i < list->n; i++)
        unit_add(columns, list->items[i].program_id, list->items[i].partner_id, list->items[i].month_us);
    for (size_t row = 0; row < pg_result_rows(posted); row++)
        unit_add(columns, pg_result_int(posted, row, POSTED_PROGRAM),
                 pg_result_int(posted, row, POSTED_PARTNER), pg_result_int(posted, row, POSTED_MONTH));
    work_ids(work, &columns[3]);
}

static struct share share_written(const struct pg_result *rows, size_t row)
{
    return (struct share){
        .conversion_id = pg_result_int(rows, row, UNIT_CONVERSION),
        .partner_id = pg_result_int(rows, row, UNIT_PARTNER),
        .program_id = pg_result_int(rows, row, UNIT_PROGRAM),
        .month_us = pg_result_int(rows, row, UNIT_MONTH),
        .terms_id = pg_result_int(rows, row, UNIT_TERMS),
        .rule_id = pg_result_int(rows, row, UNIT_RULE),
        .is_written = true,
        .row = row,
        .order = {.time_us = pg_result_int(rows, row, UNIT_OCCURRED),
                  .kind = pg_result_cell(rows, row, UNIT_KIND),
                  .order_id = pg_result_cell(rows, row, UNIT_ORDER),
                  .part = (size_t)pg_result_int(rows, row, UNIT_PART),
                  .status = conversion_status_find(pg_result_cell(rows, row, UNIT_STATUS)),
                  .base_minor = pg_result_int(rows, row, UNIT_BASE),
                  .weight_ppm = (uint32_t)pg_result_int(rows, row, UNIT_WEIGHT)},
    };
}

int work_unit_load(struct work *work, struct share_list *list)
{
    struct array columns[4] = {{0}};

    units_add(work, list, columns);
    int r = work_call(work, "select * from clickledger.commission_unit($1, $2, $3, $4)", columns, 4,
                      &list->unit_rows);
    for (size_t row = 0; r == 0 && row < pg_result_rows(list->unit_rows); row++) {
        struct share *share = share_list_add(list);
        if (share)
            *share = share_written(list->unit_rows, row);
        else
            r = -ENOMEM;
    }
    return r;
}

// --- Computing

#define COMPARE(member)                                                                                      \
    if (a->member != b->member)                                                                              \
    return a->member < b->member ? -1 : 1

static int unit_compare(const struct share *a, const struct share *b)
{
    COMPARE(program_id);
    COMPARE(partner_id);
    COMPARE(month_us);
    return 0;
}

static int share_compare_unit(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    int order = unit_compare(a, b);

    return order ? order : commission_order_compare(&a->order, &b->order);
}

int share_compare_id(const void *left, const void *right)
{
    const struct share *a = left, *b = right;

    COMPARE(conversion_id);
    COMPARE(partner_id);
    COMPARE(order.part);
    return 0;
}

static void unit_compute(struct share shares[], size_t n, int64_t now_us, struct commission_order orders[],
                         struct commission out[])
{
    for (size_t i = 0; i < n; i++) {
        orders[i] = shares[i].order;
        orders[i].rate = shares[i].rule ? &shares[i].rule->rate : &shares[i].own;
    }
    commission_compute(orders, n, now_us, out);
    for (size_t i = 0; i < n; i++)
        shares[i].wanted = out[i];
}

int work_unit_compute(struct share_list *list, int64_t now_us)
{
    struct commission_order *orders = calloc(list->n + 1, sizeof(*orders));
    struct commission *out = calloc(list->n + 1, sizeof(*out));
    struct share *shares = list->items;
    int r = orders && out ? 0 : -ENOMEM;

    if (list->n > 0)
        qsort(shares, list->n, sizeof(shares[0]), share_compare_unit);
    for (size_t from = 0, to; r == 0 && from < list->n; from = to) {
        for (to = from + 1; to < list->n && unit_compare(&shares[from], &shares[to]) == 0;)
            to++;
        unit_compute(&shares[from], to - from, now_us, orders, out);
    }
    if (list->n > 0)
        qsort(shares, list->n, sizeof(shares[0]), share_compare_id);
    free(orders);
    free(out);
    return r;
}

bool work_unit_changed(const struct share_list *list, const struct share *share)
{
    const struct pg_result *rows = list->unit_rows;

    return share->rule && (pg_result_int(rows, share->row, UNIT_AMOUNT) != share->wanted.amount_minor ||
                           pg_result_int(rows, share->row, UNIT_VOLUME) != share->wanted.volume_minor ||
                           pg_result_int(rows, share->row, UNIT_UNCAPPED) != share->wanted.uncapped_minor);
}
