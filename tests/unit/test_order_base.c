// What commissions are paid for: refunds that name lines, and others; conversion; nothing is lost in
// division.

#include "attrib/order_base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"

#define EVENTS_MAX 3

static const struct {
    const char *lines;
    int64_t sold_minor;
    const char *refunds[EVENTS_MAX]; // lines; "" without
    int64_t returned_minor;
    int64_t rate_id, amount_minor, refunded_minor; // in the programme's currency
    int64_t bases[4];
    size_t n;
} cases[] = {
    {"A\t\t\t1\t100\t100\nB\t\t\t1\t50\t20\n", 150, {0}, 0, 0, 0, 0, {100, 20}, 2},
    {"A\t\t\t1\t100\t100\nB\t\t\t1\t50\t20\n", 150, {"B\t\t\t1\t50\t50\n"}, 50, 0, 0, 0, {100, 0}, 2},
    // 20 x 25 / 50; the half goes to what is left
    {"A\t\t\t1\t100\t100\nB\t\t\t1\t50\t21\n", 150, {"B\t\t\t1\t25\t25\n"}, 25, 0, 0, 0, {100, 11}, 2},
    // What names no line, and what is above it, is divided over all, the freight of 50 included.
    {"A\t\t\t1\t100\t100\nB\t\t\t1\t50\t50\n", 200, {"C\t\t\t1\t20\t20\n"}, 20, 0, 0, 0, {90, 45}, 2},
    {"A\t\t\t1\t100\t100\nB\t\t\t1\t50\t50\n",
     200,
     {"B\t\t\t1\t50\t50\n", "B\t\t\t1\t15\t15\n"},
     65,
     0,
     0,
     0,
     {90, 0},
     2},
    {"A\t\t\t1\t100\t100\nA\t\t\t1\t50\t50\n", 150, {"A\t\t\t1\t120\t120\n"}, 120, 0, 0, 0, {0, 30}, 2},
    {"\ttea\t\t1\t10\t10\n\ttea\tx\t1\t10\t10\n", 20, {"\ttea\tx\t1\t10\t10\n"}, 10, 0, 0, 0, {10, 0}, 2},
    {"A\t\t\t1\t1\t1\nB\t\t\t1\t1\t1\nC\t\t\t1\t1\t1\n", 3, {""}, 2, 0, 0, 0, {0, 0, 1}, 3},
    {"A\t\t\t1\t0\t0\nB\t\t\t1\t10\t10\n", 10, {""}, 10, 0, 0, 0, {0, 0}, 2},
    // 10 of the one currency are 100 of the other: thirds.
    {"A\t\t\t1\t3\t3\nB\t\t\t1\t3\t3\nC\t\t\t1\t3\t3\n", 9, {0}, 0, 7, 100, 0, {34, 33, 33}, 3},
    {"A\t\t\t1\t3\t3\nB\t\t\t1\t3\t1\n", 6, {"A\t\t\t1\t3\t3\n"}, 3, 7, 60, 30, {0, 10}, 2},
    {"A\t\t\t1\t11\t11\n", 10, {0}, 0, 0, 0, 0, {0}, 0},
    {"", 10, {0}, 0, 0, 0, 0, {0}, 0},
};

static void bases_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct conversion_event events[EVENTS_MAX] = {{0}};
        struct order_base bases[ORDER_LINES_MAX];
        struct conversion conversion = {
            .exists = true,
            .lines = slice_of(cases[i].lines),
            .sold_minor = cases[i].sold_minor,
            .returned_minor = cases[i].returned_minor,
            .rate_id = cases[i].rate_id,
            .amount_minor = cases[i].rate_id ? cases[i].amount_minor : cases[i].sold_minor,
            .refunded_minor = cases[i].rate_id ? cases[i].refunded_minor : cases[i].returned_minor,
        };
        for (size_t j = 0; j < EVENTS_MAX && cases[i].refunds[j]; j++)
            events[j] = (struct conversion_event){.is_refund = true, .lines = slice_of(cases[i].refunds[j])};
        size_t n = order_base_fold(events, EVENTS_MAX, &conversion, bases);
        if (n != cases[i].n)
            fail_msg("case %zu: %zu lines", i, n);
        for (size_t j = 0; j < n; j++) {
            if (bases[j].base_minor != cases[i].bases[j])
                fail_msg("case %zu, line %zu: %lld", i, j, (long long)bases[j].base_minor);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bases_are)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
