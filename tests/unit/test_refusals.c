// How many refused reports are kept.

#include "tracker/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned kept(struct refusals *refusals, uint64_t key, uint64_t now_ms, unsigned tries)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tries; i++)
        n += refusals_keep(refusals, key, now_ms);
    return n;
}

static void per_key_test(void **state)
{
    struct refusals refusals = {0};

    (void)state;
    assert_int_equal(kept(&refusals, 1, 60000, 1000), REFUSALS_PER_MINUTE_MAX);
    assert_int_equal(kept(&refusals, 2, 60001, 1000), REFUSALS_PER_MINUTE_MAX);
    assert_int_equal(kept(&refusals, 0, 119999, 1000), REFUSALS_PER_MINUTE_MAX);
    assert_int_equal(kept(&refusals, 1, 119999, 1), 0);
    assert_int_equal(kept(&refusals, 1, 120000, 1000), REFUSALS_PER_MINUTE_MAX);
}

static void many_keys_test(void **state)
{
    struct refusals refusals = {0};
    unsigned n = 0;

    (void)state;
    for (uint64_t key = 1; key <= 10 * REFUSALS_KEYS_MAX; key++)
        n += refusals_keep(&refusals, key, 0);
    assert_int_equal(n, REFUSALS_KEYS_MAX - 1 + REFUSALS_PER_MINUTE_MAX);
    assert_int_equal(kept(&refusals, 0, 0, 1), 0); // they share the bucket of unknown keys
    assert_int_equal(kept(&refusals, 1, 0, 1000), REFUSALS_PER_MINUTE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(per_key_test),
        cmocka_unit_test(many_keys_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
