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
    int64_t amount, refunded;
    enum commission_kind kind;
    int64_t rate_or_fixed;
    uint32_t weight;
    int64_t now;
    int64_t base, commission;
    const char *out;
} orders[] = {
    {CONVERSION_APPROVED, 10000, 0, COMMISSION_PERCENT, 100000, 1000000, 200, 10000, 1000, "available"},
    {CONVERSION_APPROVED, 10000, 0, COMMISSION_PERCENT, 100000, 1000000, 199, 10000, 1000, "pending"},
    {CONVERSION_PENDING, 10000, 0, COMMISSION_PERCENT, 100000, 1000000, 999, 10000, 1000, "pending"},
    {CONVERSION_APPROVED, 10000, 2500, COMMISSION_PERCENT, 100000, 1000000, 200, 7500, 750, "available"},
    {CONVERSION_REFUNDED, 10000, 10000, COMMISSION_PERCENT, 100000, 1000000, 200, 0, 0, "void"},
    {CONVERSION_DECLINED, 10000, 0, COMMISSION_PERCENT, 100000, 1000000, 200, 10000, 0, "void"},
    {CONVERSION_APPROVED, 5, 0, COMMISSION_PERCENT, 100000, 1000000, 200, 5, 1, "available"}, // 0.5, half up
    {CONVERSION_APPROVED, 4, 0, COMMISSION_PERCENT, 100000, 1000000, 200, 4, 0, "available"},
    {CONVERSION_APPROVED, MONEY_MINOR_MAX, 0, COMMISSION_PERCENT, 1000000, 1000000, 200, MONEY_MINOR_MAX,
     MONEY_MINOR_MAX, "available"},
    {CONVERSION_APPROVED, 10000, 9999, COMMISSION_FIXED, 300, 1000000, 200, 1, 300, "available"},
    {CONVERSION_REFUNDED, 10000, 10000, COMMISSION_FIXED, 300, 1000000, 200, 0, 0, "void"},
    {CONVERSION_APPROVED, 0, 0, COMMISSION_FIXED, 300, 1000000, 200, 0, 300, "available"}, // a lead
    {CONVERSION_APPROVED, 10000, 0, COMMISSION_PERCENT, 100000, 250000, 200, 2500, 250, "available"},
    {CONVERSION_APPROVED, 10000, 0, COMMISSION_FIXED, 300, 500000, 200, 5000, 150, "available"},
};

static void test_orders(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct commission_order order = {
            .id = 1,
            .time_us = 100,
            .status = orders[i].status,
            .amount_minor = orders[i].amount,
            .refunded_minor = orders[i].refunded,
            .weight_ppm = orders[i].weight,
            .terms = {.kind = orders[i].kind,
                      .rate_ppm = orders[i].rate_or_fixed,
                      .fixed_minor = orders[i].rate_or_fixed,
                      .hold_us = HOLD},
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
        cmocka_unit_test(test_postings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
