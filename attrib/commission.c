// Percent of what was sold and not refunded, or a fixed sum per conversion that was not refunded completely.
// Owner: the batch. The unit is computed as a whole and in order, so that a rule may look at the orders
// before. Rounding: half away from zero, once for the share and once for the rate (base/money.h).

#include "attrib/commission.h"

#include <assert.h>

#include "base/money.h"

const char *commission_status_name(enum commission_status status)
{
    static const char *const names[] = {
        [COMMISSION_PENDING] = "pending", [COMMISSION_AVAILABLE] = "available", [COMMISSION_VOID] = "void"};
    return names[status];
}

static bool is_lost(const struct commission_order *order)
{
    return order->status == CONVERSION_DECLINED || order->status == CONVERSION_REFUNDED;
}

static int64_t order_amount(const struct commission_order *order, int64_t base_minor)
{
    switch (order->terms.kind) {
    case COMMISSION_PERCENT:
        return money_share(base_minor, order->terms.rate_ppm);
    case COMMISSION_FIXED:
        return money_share(order->terms.fixed_minor, order->weight_ppm);
    }
    return 0;
}

static struct commission order_commission(const struct commission_order *order, int64_t now_us)
{
    int64_t base_minor = money_share(order->amount_minor - order->refunded_minor, order->weight_ppm);
    struct commission commission = {
        .base_minor = base_minor,
        .is_approved = order->status == CONVERSION_APPROVED,
        .hold_until_us = order->time_us + order->terms.hold_us,
    };

    if (is_lost(order)) {
        commission.status = COMMISSION_VOID;
        return commission;
    }
    commission.amount_minor = order_amount(order, base_minor);
    commission.status = commission.is_approved && commission.hold_until_us <= now_us ? COMMISSION_AVAILABLE
                                                                                     : COMMISSION_PENDING;
    return commission;
}

void commission_compute(const struct commission_order orders[], size_t n, int64_t now_us,
                        struct commission out[])
{
    for (size_t i = 0; i < n; i++) {
        assert(i == 0 || orders[i - 1].time_us < orders[i].time_us ||
               (orders[i - 1].time_us == orders[i].time_us && orders[i - 1].id < orders[i].id));
        out[i] = order_commission(&orders[i], now_us);
    }
}
