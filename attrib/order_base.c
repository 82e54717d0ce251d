// What of an order's lines commissions are paid for. Pure. Owner: the batch. Everything is divided by
// money_divide(), so parts sum exactly and no line gets below nothing.

#include "attrib/order_base.h"

#include "base/money.h"

#define PARTS_MAX (ORDER_LINES_MAX + 1) // the lines, and what of the order is in none of them

static int64_t left_of(const struct order_base *base)
{
    return base->line.amount_minor - base->refunded_minor;
}

static bool line_names(const struct order_line *named, const struct order_line *line)
{
    if (named->sku.data)
        return slice_equal(named->sku, line->sku);
    return slice_equal(named->product, line->product) && slice_equal(named->category, line->category);
}

// Returns what found its line.
static int64_t line_refund(struct order_base bases[], size_t n, const struct order_line *named)
{
    int64_t open_minor = named->amount_minor;

    for (size_t i = 0; i < n && open_minor > 0; i++) {
        if (!line_names(named, &bases[i].line))
            continue;
        int64_t part = min_of(open_minor, left_of(&bases[i]));
        bases[i].refunded_minor += part;
        open_minor -= part;
    }
    return named->amount_minor - open_minor;
}

static int64_t named_refund(const struct conversion_event events[], size_t n_events,
                            struct order_base bases[], size_t n)
{
    struct order_line lines[ORDER_LINES_MAX];
    int64_t sum_minor = 0;

    for (size_t i = 0; i < n_events; i++) {
        size_t named = events[i].is_refund ? order_lines_read(events[i].lines, lines) : 0;
        for (size_t j = 0; j < named; j++)
            sum_minor += line_refund(bases, n, &lines[j]);
    }
    return sum_minor;
}

static void rest_refund(struct order_base bases[], size_t n, int64_t outside_minor, int64_t refund_minor)
{
    int64_t weights[PARTS_MAX], parts[PARTS_MAX];

    for (size_t i = 0; i < n; i++)
        weights[i] = left_of(&bases[i]);
    weights[n] = outside_minor;
    money_divide(refund_minor, weights, n + 1, parts);
    for (size_t i = 0; i < n; i++)
        bases[i].refunded_minor += parts[i];
}

static int64_t line_base(const struct order_base *base)
{
    const int64_t weights[] = {left_of(base), base->refunded_minor};
    int64_t parts[2];

    if (weights[0] == 0)
        return 0;
    money_divide(base->line.commissionable_minor, weights, 2, parts);
    return parts[0];
}

// From the currency of the report into the programme's: what is left of the order there, divided as it is
// here.
static void bases_convert(struct order_base bases[], size_t n, const struct conversion *state)
{
    int64_t weights[PARTS_MAX], parts[PARTS_MAX];
    int64_t outside_minor = state->sold_minor - state->returned_minor;

    for (size_t i = 0; i < n; i++)
        outside_minor -= weights[i] = bases[i].base_minor;
    weights[n] = outside_minor;
    money_divide(state->amount_minor - state->refunded_minor, weights, n + 1, parts);
    for (size_t i = 0; i < n; i++)
        bases[i].base_minor = parts[i];
}

size_t order_base_fold(const struct conversion_event events[], size_t n_events,
                       const struct conversion *state, struct order_base bases[ORDER_LINES_MAX])
{
    struct order_line lines[ORDER_LINES_MAX];
    size_t n = state->exists ? order_lines_read(state->lines, lines) : 0;
    int64_t outside_minor = state->sold_minor;

    for (size_t i = 0; i < n; i++) {
        bases[i] = (struct order_base){.line = lines[i]};
        outside_minor -= lines[i].amount_minor;
    }
    if (n == 0 || outside_minor < 0)
        return 0;
    int64_t open_minor = state->returned_minor - named_refund(events, n_events, bases, n);
    if (open_minor > 0)
        rest_refund(bases, n, outside_minor, open_minor);
    for (size_t i = 0; i < n; i++)
        bases[i].base_minor = line_base(&bases[i]);
    if (state->rate_id != 0 && state->sold_minor > state->returned_minor)
        bases_convert(bases, n, state);
    return n;
}
