// Arrivals of the open loop: as many as asked for, at the rate asked for, the same for the same seed.

#include "bench/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START_NS UINT64_C(5000000000)
#define N        100000

static uint64_t last_due(uint64_t seed, bool even)
{
    struct schedule schedule;
    uint64_t last = START_NS, n = 0;

    schedule_init(&schedule, START_NS, 1000, N, seed, even);
    for (uint64_t due; (due = schedule_due_ns(&schedule)) != UINT64_MAX; last = due, n++) {
        assert_true(due >= last);
        schedule_take(&schedule);
    }
    assert_int_equal(n, N);
    return last;
}

static void test_even(void **state)
{
    (void)state;
    assert_int_equal(last_due(1, true), START_NS + UINT64_C(100000000000));
}

static void test_random(void **state)
{
    (void)state;
    uint64_t last = last_due(1, false);
    assert_int_equal(last, last_due(1, false));
    assert_int_not_equal(last, last_due(2, false));
    // The sum of n gaps varies by 1/sqrt(n) of itself: 2 % are six times that.
    assert_in_range(last - START_NS, UINT64_C(98000000000), UINT64_C(102000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
