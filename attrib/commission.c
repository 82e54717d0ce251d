// Percent of what was sold and not refunded, a fixed sum per conversion that was not refunded completely, or
// both; by tiers of the month's volume; between limits. Owner: the batch. The unit is computed as a whole and
// in order. The volume is the sum of the bases of orders that are not lost.
// Rounding: half away from zero, once per order and rate (base/money.h).

#include "attrib/commission.h"

#include <assert.h>

#include "base/money.h"

#define VOLUME_MINOR_MAX                                                                                     \
    (INT64_MAX / 2) // no tier is above MONEY_MINOR_MAX, so a volume may stop to grow here

struct unit {
    int64_t before_minor, total_minor; // volume before the order, and of the month
};

const char *commission_status_name(enum commission_status status)
{
    static const char *const names[] = {
        [COMMISSION_PENDING] = "pending", [COMMISSION_AVAILABLE] = "available", [COMMISSION_VOID] = "void"};
    return names[status];
}

struct slice commission_limit_name(enum commission_limit limit)
{
    static const struct slice names[] = {[LIMIT_NONE] = {NULL, 0},
                                         [LIMIT_ORDER_MIN] = {SLICE_PARTS("order_min")},
                                         [LIMIT_ORDER_MAX] = {SLICE_PARTS("order_max")},
                                         [LIMIT_MONTH_MAX] = {SLICE_PARTS("month_max")}};
    return names[limit];
}

static int text_compare(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

int commission_order_compare(const struct commission_order *a, const struct commission_order *b)
{
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    int order = text_compare(a->kind, b->kind);
    if (order == 0)
        order = text_compare(a->order_id, b->order_id);
    return order ? order : (a->part > b->part) - (a->part < b->part);
}

static bool is_lost(const struct commission_order *order)
{
    return order->status == CONVERSION_DECLINED || order->status == CONVERSION_REFUNDED;
}

// --- Percent

static int64_t whole_rate(const struct commission_rate *rate, int64_t volume_minor)
{
    size_t i = rate->n_tiers - 1;

    while (i > 0 && rate->tiers[i].from_minor > volume_minor)
        i--;
    return rate->tiers[i].rate_ppm;
}

// The order's base lies in [before, before + base) of the month's volume.
static int64_t marginal_amount(const struct commission_rate *rate, int64_t before_minor, int64_t base_minor)
{
    struct money_part parts[COMMISSION_TIERS_MAX];
    int64_t to = before_minor + base_minor;
    size_t n = 0;

    for (size_t i = 0; i < rate->n_tiers; i++) {
        int64_t low = rate->tiers[i].from_minor;
        int64_t high = i + 1 < rate->n_tiers ? rate->tiers[i + 1].from_minor : to;
        low = low > before_minor ? low : before_minor;
        high = high < to ? high : to;
        if (low < high)
            parts[n++] = (struct money_part){high - low, rate->tiers[i].rate_ppm};
    }
    return money_share_sum(parts, n);
}

static int64_t percent_amount(const struct commission_order *order, const struct unit *unit,
                              int64_t *volume_minor)
{
    const struct commission_rate *rate = order->rate;

    switch (rate->tiers_mode) {
    case TIERS_NONE:
        return money_share(order->base_minor, rate->rate_ppm);
    case TIERS_MARGINAL:
        *volume_minor = unit->before_minor;
        return marginal_amount(rate, unit->before_minor, order->base_minor);
    case TIERS_WHOLE:
        *volume_minor = unit->total_minor;
        return money_share(order->base_minor, whole_rate(rate, unit->total_minor));
    }
    return 0;
}

static int64_t order_amount(const struct commission_order *order, const struct unit *unit,
                            int64_t *volume_minor)
{
    const struct commission_rate *rate = order->rate;
    int64_t fixed_minor =
        rate->kind == COMMISSION_PERCENT ? 0 : money_share(rate->fixed_minor, order->weight_ppm);

    return fixed_minor + (rate->kind == COMMISSION_FIXED ? 0 : percent_amount(order, unit, volume_minor));
}

// --- Limits

static void commission_limit(const struct commission_order *order, struct commission *commission)
{
    struct commission_rate *rate = order->rate;
    int64_t least = money_share(rate->order_min_minor, order->weight_ppm);

    if (commission->amount_minor < least) {
        commission->amount_minor = least;
        commission->limited_by = LIMIT_ORDER_MIN;
    }
    if (rate->order_max_minor != COMMISSION_UNLIMITED) {
        int64_t most = money_share(rate->order_max_minor, order->weight_ppm);
        if (commission->amount_minor > most) {
            commission->amount_minor = most;
            commission->limited_by = LIMIT_ORDER_MAX;
        }
    }
    if (rate->month_max_minor != COMMISSION_UNLIMITED &&
        commission->amount_minor > rate->month_max_minor - rate->used_minor) {
        commission->amount_minor = rate->month_max_minor - rate->used_minor;
        commission->limited_by = LIMIT_MONTH_MAX;
    }
    rate->used_minor += commission->amount_minor;
}

static struct commission order_commission(const struct commission_order *order, const struct unit *unit,
                                          int64_t now_us)
{
    struct commission commission = {
        .base_minor = order->base_minor,
        .is_approved = order->status == CONVERSION_APPROVED && !order->is_held,
        .hold_until_us = order->time_us + order->hold_us,
    };

    if (is_lost(order)) {
        commission.status = COMMISSION_VOID;
        return commission;
    }
    commission.uncapped_minor = order_amount(order, unit, &commission.volume_minor);
    commission.amount_minor = commission.uncapped_minor;
    commission_limit(order, &commission);
    commission.status = commission.is_approved && commission.hold_until_us <= now_us ? COMMISSION_AVAILABLE
                                                                                     : COMMISSION_PENDING;
    return commission;
}

static int64_t volume_add(int64_t volume_minor, const struct commission_order *order)
{
    if (is_lost(order))
        return volume_minor;
    return volume_minor > VOLUME_MINOR_MAX - order->base_minor ? VOLUME_MINOR_MAX
                                                               : volume_minor + order->base_minor;
}

void commission_compute(const struct commission_order orders[], size_t n, int64_t now_us,
                        struct commission out[])
{
    struct unit unit = {0};

    for (size_t i = 0; i < n; i++) {
        assert(i == 0 || commission_order_compare(&orders[i - 1], &orders[i]) < 0);
        orders[i].rate->used_minor = 0;
        unit.total_minor = volume_add(unit.total_minor, &orders[i]);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = order_commission(&orders[i], &unit, now_us);
        unit.before_minor = volume_add(unit.before_minor, &orders[i]);
    }
}
