// The rules of the terms of a batch, and which of them pays whom. Owner: the work's third step. Without rules
// it is one query that finds nothing.

#include "attrib/work_share.h"

#include <errno.h>
#include <stdlib.h>

enum rule_column {
    RULE_TERMS,
    RULE_ID,
    RULE_KIND,
    RULE_PRODUCT,
    RULE_CATEGORY,
    RULE_GROUP,
    RULE_CUSTOMER,
    RULE_CHANNEL,
    RULE_COUNTRY,
    RULE_COMMISSION_KIND,
    RULE_RATE,
    RULE_FIXED,
    RULE_TIER_MODE,
    RULE_ORDER_MIN,
    RULE_ORDER_MAX,
    RULE_MONTH_MAX,
    RULE_HOLD,
    RULE_TIER_FROM,
    RULE_TIER_RATE,
};

enum fact_column {
    FACT_ORDINAL,
    FACT_PRODUCT,
    FACT_CATEGORY,
    FACT_GROUPS,
    FACT_CUSTOMER,
    FACT_COUNTRY,
};

// --- Rules

static enum commission_kind kind_of(struct slice name)
{
    if (slice_equal(name, SLICE("fixed")))
        return COMMISSION_FIXED;
    return slice_equal(name, SLICE("hybrid")) ? COMMISSION_HYBRID : COMMISSION_PERCENT;
}

static enum commission_tiers tiers_of(struct slice name)
{
    if (!name.data)
        return TIERS_NONE;
    return slice_equal(name, SLICE("whole")) ? TIERS_WHOLE : TIERS_MARGINAL;
}

static struct commission_rule rule_of(const struct pg_result *rows, size_t row)
{
    return (struct commission_rule){
        .id = pg_result_int(rows, row, RULE_ID),
        .terms_id = pg_result_int(rows, row, RULE_TERMS),
        .wants = {.product = pg_result_cell(rows, row, RULE_PRODUCT),
                  .category = pg_result_cell(rows, row, RULE_CATEGORY),
                  .groups = pg_result_cell(rows, row, RULE_GROUP),
                  .customer = pg_result_cell(rows, row, RULE_CUSTOMER),
                  .channel = pg_result_cell(rows, row, RULE_CHANNEL),
                  .country = pg_result_cell(rows, row, RULE_COUNTRY),
                  .kind = pg_result_cell(rows, row, RULE_KIND)},
        .hold_us = pg_result_int(rows, row, RULE_HOLD),
        .rate = {.kind = kind_of(pg_result_cell(rows, row, RULE_COMMISSION_KIND)),
                 .rate_ppm = pg_result_int(rows, row, RULE_RATE),
                 .fixed_minor = pg_result_int(rows, row, RULE_FIXED),
                 .tiers_mode = tiers_of(pg_result_cell(rows, row, RULE_TIER_MODE)),
                 .order_min_minor = pg_result_int(rows, row, RULE_ORDER_MIN),
                 .order_max_minor = pg_result_int(rows, row, RULE_ORDER_MAX),
                 .month_max_minor = pg_result_int(rows, row, RULE_MONTH_MAX)},
    };
}

// One row per tier; a rule's rows stand together.
static void rules_make(struct share_list *list)
{
    const struct pg_result *rows = list->rule_rows;

    for (size_t row = 0; row < pg_result_rows(rows); row++) {
        struct commission_rule *rule = &list->rules[list->n_rules];
        if (list->n_rules == 0 || rule[-1].id != pg_result_int(rows, row, RULE_ID)) {
            *rule = rule_of(rows, row);
            rule->rate.tiers = &list->tiers[row];
            list->n_rules++;
        } else {
            rule--;
        }
        if (!pg_result_is_null(rows, row, RULE_TIER_FROM))
            list->tiers[row] = (struct commission_tier){pg_result_int(rows, row, RULE_TIER_FROM),
                                                        pg_result_int(rows, row, RULE_TIER_RATE)};
        rule->rate.n_tiers += !pg_result_is_null(rows, row, RULE_TIER_FROM);
    }
}

static int rules_load(struct work *work, struct share_list *list)
{
    struct array terms[1] = {{0}};

    for (size_t i = 0; i < list->n; i++)
        array_int(terms, list->items[i].terms_id);
    int r = work_call(work, "select * from clickledger.commission_rules($1)", terms, 1, &list->rule_rows);
    if (r)
        return r;
    size_t n = pg_result_rows(list->rule_rows);
    list->rules = calloc(n + 1, sizeof(list->rules[0]));
    list->tiers = calloc(n + 1, sizeof(list->tiers[0]));
    if (!list->rules || !list->tiers)
        return -ENOMEM;
    rules_make(list);
    return 0;
}

// The first rule of the terms; they are sorted by them.
static size_t rules_from(const struct share_list *list, int64_t terms_id)
{
    size_t low = 0, high = list->n_rules;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->rules[middle].terms_id < terms_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t rules_count(const struct share_list *list, size_t from, int64_t terms_id)
{
    size_t to = from;

    while (to < list->n_rules && list->rules[to].terms_id == terms_id)
        to++;
    return to - from;
}

// --- Facts

static int facts_load(struct work *work, struct share_list *list, size_t n_batch)
{
    static const enum touch_column cells[] = {TOUCH_KIND, TOUCH_ID, TOUCH_AT};
    struct array columns[5] = {{0}};

    for (size_t i = 0; i < n_batch; i++) {
        array_int(&columns[0], list->items[i].conversion_id);
        array_int(&columns[1], list->items[i].partner_id);
        work_touch_cells(work, &columns[2], cells, 3, list->items[i].row);
    }
    return work_call(work, "select * from clickledger.commission_facts($1, $2, $3, $4, $5)", columns, 5,
                     &list->fact_rows);
}

// As product_category knows it.
static struct slice line_product(const struct order_line *line)
{
    return line->product.data ? line->product : line->sku;
}

static void share_match(const struct work *work, struct share_list *list, struct share *share, size_t row)
{
    const struct pg_result *rows = list->fact_rows;
    bool is_code = work->touches[share->row].kind == TOUCH_PROMO;
    const struct rule_facts facts = {
        .product = pg_result_cell(rows, row, FACT_PRODUCT),
        .category = pg_result_cell(rows, row, FACT_CATEGORY),
        .groups = pg_result_cell(rows, row, FACT_GROUPS),
        .customer = pg_result_cell(rows, row, FACT_CUSTOMER),
        .country = pg_result_cell(rows, row, FACT_COUNTRY),
        .channel = is_code ? SLICE("code") : SLICE("click"),
        .kind = share->order.kind,
    };
    size_t from = rules_from(list, share->terms_id), n = rules_count(list, from, share->terms_id);

    if (n == 0)
        return;
    share->customer_kind = facts.customer;
    for (size_t i = share->line_from; i < share->line_to; i++) {
        struct rule_facts of_line = facts;
        of_line.product = line_product(&list->lines[i].line->line);
        of_line.category = list->lines[i].line->category;
        list->lines[i].rule = rule_match(&list->rules[from], n, &of_line);
    }
    share->rule = rule_match(&list->rules[from], n, &facts);
    if (share->rule && share->rule->hold_us >= 0)
        share->order.hold_us = share->rule->hold_us;
}

// The rule of a written commission.
static void share_find(struct share_list *list, struct share *share, int64_t rule_id)
{
    size_t from = rules_from(list, share->terms_id), n = rules_count(list, from, share->terms_id);

    for (size_t i = from; i < from + n; i++) {
        if (list->rules[i].id == rule_id)
            share->rule = &list->rules[i];
    }
}

int work_rules(struct work *work, struct share_list *list, size_t n_batch)
{
    int r = rules_load(work, list);

    if (r || list->n_rules == 0)
        return r;
    r = facts_load(work, list, n_batch);
    if (r)
        return r;
    for (size_t i = 0; i < n_batch; i++)
        share_match(work, list, &list->items[i], i);
    for (size_t i = n_batch; i < list->n; i++)
        share_find(list, &list->items[i], list->items[i].rule_id);
    return 0;
}
