// Lines of orders: from reports to the database, and on to what each partner gets for each. Owner: the work.
// An order without lines passes by.

#include "attrib/work_share.h"

#include <errno.h>
#include <stdlib.h>

#include "base/money.h"

// --- First step

static int lines_reserve(struct work *work)
{
    if (work->lines_size - work->n_lines >= ORDER_LINES_MAX)
        return 0;
    size_t size = 2 * work->lines_size + ORDER_LINES_MAX;
    struct order_base *lines = reallocarray(work->lines, size, sizeof(lines[0]));
    if (!lines)
        return -ENOMEM;
    work->lines = lines;
    work->lines_size = size;
    return 0;
}

int work_lines_fold(struct work *work, struct order *order, const struct conversion_event events[], size_t n)
{
    order->line_from = order->line_to = work->n_lines;
    if (!order->state.lines.data)
        return 0;
    int r = lines_reserve(work);
    if (r)
        return r;
    work->n_lines += order_base_fold(events, n, &order->state, &work->lines[work->n_lines]);
    order->line_to = work->n_lines;
    return 0;
}

static void line_add(struct array column[10], const struct order *order, const struct order_base *base,
                     size_t place)
{
    const struct order_line *line = &base->line;

    array_int(&column[0], order->conversion_id);
    array_int(&column[1], (int64_t)place);
    array_text(&column[2], line->sku);
    array_text(&column[3], line->product);
    array_text(&column[4], line->category);
    array_int(&column[5], line->quantity);
    array_int(&column[6], line->amount_minor);
    array_int(&column[7], line->commissionable_minor);
    array_int(&column[8], base->refunded_minor);
    array_int(&column[9], base->base_minor);
}

// Orders are in the order in which they were folded, so rows of lines are in that of the lines.
int work_lines_write(struct work *work)
{
    struct array columns[11] = {{0}};

    work_ids(work, &columns[0]);
    for (size_t i = 0; i < work->n; i++) {
        const struct order *order = &work->orders[i];
        for (size_t line = order->line_from; line < order->line_to; line++)
            line_add(&columns[1], order, &work->lines[line], line - order->line_from + 1);
    }
    int r = work_call(
        work, "select * from clickledger.conversion_line_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        columns, 11, &work->line_rows);
    for (size_t i = 0; r == 0 && i < work->n_lines; i++)
        work->lines[i].category = pg_result_cell(work->line_rows, i, 0);
    return r;
}

// --- Third step: what a partner has of a line

static bool touch_is_of(const struct work *work, size_t touch, int64_t partner_id)
{
    return work->touches[touch].partner_id == partner_id &&
           !pg_result_is_null(work->touch_rows, touch, TOUCH_TERMS);
}

// Divided over the credited touches as the order's amount is: rows of touches begin with the latest.
static int64_t line_part(const struct work *work, const struct share *share, int64_t base_minor)
{
    uint32_t weight_ppm[MONEY_SPLIT_MAX] = {0};
    int64_t parts[MONEY_SPLIT_MAX], sum_minor = 0;
    bool is_own[MONEY_SPLIT_MAX];
    size_t n = 0;

    for (size_t touch = share->of->touch_to; touch-- > share->of->touch_from && n < MONEY_SPLIT_MAX;) {
        if (work->touches[touch].weight_ppm == 0)
            continue;
        weight_ppm[n] = work->touches[touch].weight_ppm;
        is_own[n++] = touch_is_of(work, touch, share->partner_id);
    }
    money_split(base_minor, weight_ppm, n, parts);
    for (size_t i = 0; i < n; i++)
        sum_minor += is_own[i] ? parts[i] : 0;
    return sum_minor;
}

static void share_lines_add(const struct work *work, struct share_list *list, struct share *share)
{
    const struct order *order = share->of;
    int64_t sum_minor = 0;

    share->line_from = list->n_lines;
    for (size_t i = order->line_from; i < order->line_to; i++) {
        struct share_line *line = &list->lines[list->n_lines++];
        *line = (struct share_line){.place = i - order->line_from + 1, .line = &work->lines[i]};
        line->base_minor = line_part(work, share, work->lines[i].base_minor);
        sum_minor += line->base_minor;
    }
    share->line_to = list->n_lines;
    if (share->line_from < share->line_to)
        share->order.base_minor = sum_minor;
}

int work_lines_share(const struct work *work, struct share_list *list)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += list->items[i].of->line_to - list->items[i].of->line_from;
    list->lines = calloc(n + 1, sizeof(list->lines[0]));
    if (!list->lines)
        return -ENOMEM;
    for (size_t i = 0; i < list->n; i++)
        share_lines_add(work, list, &list->items[i]);
    return 0;
}

// --- Parts by rule

// The part that a line belongs to: that of an earlier line of the same rule, else a new one.
static size_t part_find(const struct share_line lines[], size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (lines[j].rule == lines[i].rule)
            return lines[j].part;
    }
    return lines[i].place;
}

static int64_t part_hold_us(const struct share *share, const struct commission_rule *rule,
                            int64_t own_hold_us)
{
    int64_t hold_us = rule && rule->hold_us >= 0 ? rule->hold_us : own_hold_us;
    return hold_us > share->order.hold_us ? hold_us : share->order.hold_us;
}

// A part of which nothing is left counts as refunded: it gets no fixed sum either.
static void part_fill(struct share *part, const struct share_line lines[], size_t n)
{
    bool is_left = false;

    part->order.base_minor = 0;
    for (size_t i = 0; i < n; i++) {
        if (lines[i].part != part->order.part)
            continue;
        part->rule = lines[i].rule;
        part->order.base_minor += lines[i].base_minor;
        is_left |= lines[i].line->base_minor > 0;
    }
    if (!is_left && part->order.status != CONVERSION_DECLINED)
        part->order.status = CONVERSION_REFUNDED;
}

static int share_split(struct share_list *list, size_t index)
{
    struct share whole = list->items[index];
    struct share_line *lines = &list->lines[whole.line_from];
    size_t n = whole.line_to - whole.line_from;

    whole.order.hold_us = 0; // the longest of the parts, so that the order's commission is released as one
    for (size_t i = 0; i < n; i++) {
        lines[i].part = part_find(lines, i);
        whole.order.hold_us = part_hold_us(&whole, lines[i].rule, whole.own_hold_us);
    }
    for (size_t i = 0; i < n; i++) {
        if (lines[i].part != lines[i].place)
            continue;
        struct share *part = i == 0 ? &list->items[index] : share_list_add(list);
        if (!part)
            return -ENOMEM;
        *part = whole;
        part->order.part = lines[i].part;
        part_fill(part, lines, n);
    }
    return 0;
}

int work_lines_split(struct share_list *list, size_t n_batch)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n_batch; i++) {
        if (list->items[i].line_from < list->items[i].line_to)
            r = share_split(list, i);
    }
    return r;
}

// --- And one again

static void part_divide(struct share_line lines[], size_t n, const struct share *part)
{
    int64_t weights[ORDER_LINES_MAX], amounts[ORDER_LINES_MAX], uncapped[ORDER_LINES_MAX];
    bool has_base = part->order.base_minor > 0;

    for (size_t i = 0; i < n; i++) {
        bool is_of = lines[i].part == part->order.part;
        weights[i] = !is_of ? 0 : has_base ? lines[i].base_minor : lines[i].part == lines[i].place;
    }
    money_divide(part->wanted.amount_minor, weights, n, amounts);
    money_divide(part->wanted.uncapped_minor, weights, n, uncapped);
    for (size_t i = 0; i < n; i++) {
        if (lines[i].part != part->order.part)
            continue;
        lines[i].amount_minor = amounts[i];
        lines[i].uncapped_minor = uncapped[i];
        lines[i].volume_minor = part->wanted.volume_minor;
    }
}

// The status is that of a part that pays, if there is one; what changed the sum is told of the first part
// that it changed.
static void part_join(struct share *whole, const struct share *part)
{
    struct commission *sum = &whole->wanted;
    const struct commission *more = &part->wanted;

    if (sum->status == COMMISSION_VOID)
        sum->status = more->status;
    sum->base_minor += more->base_minor;
    sum->amount_minor += more->amount_minor;
    sum->uncapped_minor += more->uncapped_minor;
    sum->is_approved |= more->is_approved;
    if (sum->volume_minor == 0)
        sum->volume_minor = more->volume_minor;
    if (sum->limited_by == LIMIT_NONE)
        sum->limited_by = more->limited_by;
}

// Sorted by (conversion, partner, part).
void work_lines_merge(struct share_list *list)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct share share = list->items[i];
        bool has_lines = share.line_from < share.line_to;
        if (has_lines)
            part_divide(&list->lines[share.line_from], share.line_to - share.line_from, &share);
        struct share *before = n > 0 ? &list->items[n - 1] : NULL;
        if (has_lines && before && before->line_from == share.line_from && before->line_to == share.line_to) {
            part_join(before, &share);
            continue;
        }
        if (has_lines)
            share.order.part = 0;
        list->items[n++] = share;
    }
    list->n = n;
}

static void share_line_add(struct array column[9], const struct share *share, const struct share_line *line)
{
    array_int(&column[0], share->conversion_id);
    array_int(&column[1], share->partner_id);
    array_int(&column[2], (int64_t)line->place);
    array_int(&column[3], line->rule ? line->rule->id : 0);
    array_int(&column[4], line->base_minor);
    array_bool(&column[5], line->line->base_minor > 0);
    array_int(&column[6], line->uncapped_minor);
    array_int(&column[7], line->amount_minor);
    array_int(&column[8], line->volume_minor);
}

int work_lines_post(struct work *work, const struct share_list *list)
{
    struct array columns[10] = {{0}};

    work_ids(work, &columns[0]);
    for (size_t i = 0; i < list->n; i++) {
        for (size_t line = list->items[i].line_from; line < list->items[i].line_to; line++)
            share_line_add(&columns[1], &list->items[i], &list->lines[line]);
    }
    return work_call(work,
                     "select clickledger.commission_line_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                     columns, 10, NULL);
}
