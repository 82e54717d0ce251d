// Commission and posting: amounts, statuses, and the transaction in between.

#include "attrib/commission.h"
#include "attrib/posting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/money.h"

#define HOLD 100

static const struct {
    enum conversion_status status;
    enum commission_kind kind;
    int64_t rate_or_fixed;
    uint32_t weight;
    int64_t now;
    int64_t base, commission;
    const char *out;
} orders[] = {
    {CONVERSION_APPROVED, COMMISSION_PERCENT, 100000, 1000000, 200, 10000, 1000, "available"},
    {CONVERSION_APPROVED, COMMISSION_PERCENT, 100000, 1000000, 199, 10000, 1000, "pending"},
    {CONVERSION_PENDING, COMMISSION_PERCENT, 100000, 1000000, 999, 10000, 1000, "pending"},
    {CONVERSION_APPROVED, COMMISSION_PERCENT, 100000, 1000000, 200, 7500, 750, "available"},
    {CONVERSION_REFUNDED, COMMISSION_PERCENT, 100000, 1000000, 200, 0, 0, "void"},
    {CONVERSION_DECLINED, COMMISSION_PERCENT, 100000, 1000000, 200, 10000, 0, "void"},
    {CONVERSION_APPROVED, COMMISSION_PERCENT, 100000, 1000000, 200, 5, 1, "available"}, // 0.5, half up
    {CONVERSION_APPROVED, COMMISSION_PERCENT, 100000, 1000000, 200, 4, 0, "available"},
    {CONVERSION_APPROVED, COMMISSION_PERCENT, 1000000, 1000000, 200, MONEY_MINOR_MAX, MONEY_MINOR_MAX,
     "available"},
    {CONVERSION_APPROVED, COMMISSION_FIXED, 300, 1000000, 200, 1, 300, "available"},
    {CONVERSION_REFUNDED, COMMISSION_FIXED, 300, 1000000, 200, 0, 0, "void"},
    {CONVERSION_APPROVED, COMMISSION_FIXED, 300, 1000000, 200, 0, 300, "available"}, // a lead
    {CONVERSION_APPROVED, COMMISSION_PERCENT, 100000, 250000, 200, 2500, 250, "available"},
    {CONVERSION_APPROVED, COMMISSION_FIXED, 300, 500000, 200, 5000, 150, "available"},
};

static void test_orders(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct commission_rate rate = {.kind = orders[i].kind,
                                       .rate_ppm = orders[i].rate_or_fixed,
                                       .fixed_minor = orders[i].rate_or_fixed,
                                       .order_max_minor = COMMISSION_UNLIMITED,
                                       .month_max_minor = COMMISSION_UNLIMITED};
        struct commission_order order = {
            .time_us = 100,
            .status = orders[i].status,
            .base_minor = orders[i].base,
            .weight_ppm = orders[i].weight,
            .hold_us = HOLD,
            .rate = &rate,
        };
        struct commission out;

        commission_compute(&order, 1, orders[i].now, &out);
        if (out.amount_minor != orders[i].commission || out.base_minor != orders[i].base)
            print_error("row %zu\n", i);
        assert_int_equal(out.amount_minor, orders[i].commission);
        assert_int_equal(out.base_minor, orders[i].base);
        assert_string_equal(commission_status_name(out.status), orders[i].out);
        assert_int_equal(out.hold_until_us, 100 + HOLD);
        assert_int_equal(out.is_approved, orders[i].status == CONVERSION_APPROVED);
    }
}

// Tiers 10 % from 0, 20 % from 1000, 30 % from 3000. Orders of one month, in their order.
static const struct commission_tier tiers[] = {{0, 100000}, {1000, 200000}, {3000, 300000}};

static const struct {
    enum commission_tiers mode;
    int64_t order_min, order_max, month_max; // -1: none
    int64_t bases[4];                        // below 0: a declined order with that base
    int64_t amounts[4];
    int64_t volumes[4];
    enum commission_limit limits[4];
} units[] = {
    // 600: 60; 600: 400 at 10 % and 200 at 20 %; 2400: 1800 at 20 % and 600 at 30 %; 1: 0.3
    {TIERS_MARGINAL, 0, -1, -1, {600, 600, 2400, 1}, {60, 80, 540, 0}, {0, 600, 1200, 3600}, {0}},
    {TIERS_MARGINAL, 0, -1, -1, {1000, 2000, 1, 5}, {100, 400, 0, 2}, {0, 1000, 3000, 3001}, {0}},
    {TIERS_MARGINAL, 0, -1, -1, {9999, 1, 0, 0}, {100 + 400 + 2100, 0, 0, 0}, {0, 9999, 10000, 10000}, {0}},
    // A declined order is no volume.
    {TIERS_MARGINAL, 0, -1, -1, {600, -5000, 600, 0}, {60, 0, 80, 0}, {0, 0, 600, 1200}, {0}},
    {TIERS_WHOLE, 0, -1, -1, {600, 399, 0, 0}, {60, 40, 0, 0}, {999, 999, 999, 999}, {0}},
    {TIERS_WHOLE, 0, -1, -1, {600, 400, 0, 0}, {120, 80, 0, 0}, {1000, 1000, 1000, 1000}, {0}},
    {TIERS_WHOLE, 0, -1, -1, {600, -9000, 0, 0}, {60, 0, 0, 0}, {600, 0, 600, 600}, {0}},
    {TIERS_NONE,
     50,
     150,
     -1,
     {100, 1000, 5000, 0},
     {50, 100, 150, 50},
     {0},
     {LIMIT_ORDER_MIN, LIMIT_NONE, LIMIT_ORDER_MAX, LIMIT_ORDER_MIN}},
    {TIERS_NONE,
     0,
     -1,
     150,
     {1000, 1000, 1000, 0},
     {100, 50, 0, 0},
     {0},
     {LIMIT_NONE, LIMIT_MONTH_MAX, LIMIT_MONTH_MAX, LIMIT_NONE}},
    // What a declined order would have had is free for the next.
    {TIERS_NONE,
     0,
     -1,
     150,
     {1000, -1000, 500, 1000},
     {100, 0, 50, 0},
     {0},
     {LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_MONTH_MAX}},
    {TIERS_MARGINAL,
     0,
     -1,
     100,
     {600, 600, 0, 0},
     {60, 40, 0, 0},
     {0, 600, 1200, 1200},
     {LIMIT_NONE, LIMIT_MONTH_MAX, LIMIT_NONE, LIMIT_NONE}},
};

static void unit_check(size_t row)
{
    struct commission_rate rate = {.kind = COMMISSION_PERCENT,
                                   .rate_ppm = 100000,
                                   .tiers_mode = units[row].mode,
                                   .tiers = tiers,
                                   .n_tiers = 3,
                                   .order_min_minor = units[row].order_min,
                                   .order_max_minor = units[row].order_max,
                                   .month_max_minor = units[row].month_max};
    struct commission_order in[4];
    struct commission out[4];

    for (size_t i = 0; i < 4; i++) {
        int64_t base = units[row].bases[i];
        in[i] = (struct commission_order){.time_us = (int64_t)i,
                                          .status = base < 0 ? CONVERSION_DECLINED : CONVERSION_APPROVED,
                                          .base_minor = base < 0 ? -base : base,
                                          .weight_ppm = 1000000,
                                          .rate = &rate};
    }
    commission_compute(in, 4, 100, out);
    for (size_t i = 0; i < 4; i++) {
        if (out[i].amount_minor != units[row].amounts[i])
            print_error("unit %zu, order %zu\n", row, i);
        assert_int_equal(out[i].amount_minor, units[row].amounts[i]);
        assert_int_equal(out[i].volume_minor, units[row].volumes[i]);
        assert_int_equal(out[i].limited_by, units[row].limits[i]);
    }
}

static void test_units(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        unit_check(i);
}

static void test_hybrid_and_shares(void **ctx)
{
    (void)ctx;
    struct commission_rate rate = {.kind = COMMISSION_HYBRID,
                                   .rate_ppm = 100000,
                                   .fixed_minor = 301,
                                   .order_min_minor = 1000,
                                   .order_max_minor = COMMISSION_UNLIMITED,
                                   .month_max_minor = COMMISSION_UNLIMITED};
    struct commission_order order = {
        .status = CONVERSION_APPROVED, .base_minor = 5005, .weight_ppm = 500000, .rate = &rate};
    struct commission out;

    commission_compute(&order, 1, 0, &out); // half of 3.01 rounds to 1.51, 10 % of 50.05 to 5.01
    assert_int_equal(out.uncapped_minor, 151 + 501);
    assert_int_equal(out.amount_minor, 652); // above half of the least amount
    order.base_minor = 1000;
    commission_compute(&order, 1, 0, &out);
    assert_int_equal(out.uncapped_minor, 251);
    assert_int_equal(out.amount_minor, 500);
}

static void test_orders_of_one_moment_have_an_order(void **ctx)
{
    (void)ctx;
    struct commission_order a = {.time_us = 5, .kind = SLICE("sale"), .order_id = SLICE("a")}, b = a;

    b.order_id = SLICE("ab");
    assert_true(commission_order_compare(&a, &b) < 0 && commission_order_compare(&b, &a) > 0);
    b.kind = SLICE("lead");
    assert_true(commission_order_compare(&a, &b) > 0);
    b.time_us = 6;
    assert_true(commission_order_compare(&a, &b) < 0);
    assert_int_equal(commission_order_compare(&a, &a), 0);
}

static const struct {
    struct posting_sums posted, wanted;
    const char *kind;
    int64_t expense, pending, available;
} postings[] = {
    {{0, 0}, {0, 0}, NULL, 0, 0, 0},
    {{500, 0}, {500, 0}, NULL, 0, 0, 0},
    {{0, 0}, {500, 0}, "accrue", -500, 500, 0},
    {{0, 0}, {0, 500}, "accrue", -500, 0, 500},
    {{500, 0}, {0, 500}, "release", 0, -500, 500},
    {{0, 500}, {500, 0}, "adjust", 0, 500, -500},
    {{500, 0}, {400, 0}, "adjust", 100, -100, 0},
    {{0, 500}, {0, 700}, "adjust", -200, 0, 200},
    {{500, 0}, {0, 400}, "adjust", 100, -500, 400},
    {{500, 0}, {0, 0}, "void", 500, -500, 0},
    {{0, 500}, {0, 0}, "void", 500, 0, -500},
};

static void test_postings(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(postings) / sizeof(postings[0]); i++) {
        struct posting out;
        bool any = posting_make(&postings[i].posted, &postings[i].wanted, &out);

        assert_int_equal(any, postings[i].kind != NULL);
        if (!any)
            continue;
        assert_string_equal(out.kind, postings[i].kind);
        assert_int_equal(out.expense_minor, postings[i].expense);
        assert_int_equal(out.pending_minor, postings[i].pending);
        assert_int_equal(out.available_minor, postings[i].available);
        assert_int_equal(postings[i].expense + postings[i].pending + postings[i].available, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_hybrid_and_shares),
        cmocka_unit_test(test_orders_of_one_moment_have_an_order),
        cmocka_unit_test(test_postings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
