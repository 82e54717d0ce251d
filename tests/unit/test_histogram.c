// The histogram of latencies: values are known to 1/128, quantiles are never below the truth.

#include "bench/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct histogram histogram;

static const uint64_t values[] = {
    0, 1, 127, 128, 129, 255, 256, 1000, 65535, 65536, 123456789, HISTOGRAM_NS_MAX - 1, HISTOGRAM_NS_MAX};

static void test_precision(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        histogram = (struct histogram){0};
        histogram_add(&histogram, values[i]);
        histogram_add(&histogram, HISTOGRAM_NS_MAX); // so that max_ns does not bound the answer
        uint64_t found = histogram_quantile(&histogram, 0.5);
        assert_true(found >= values[i]);
        assert_true(found - values[i] <= values[i] / HISTOGRAM_SUB);
    }
}

static void test_quantiles(void **state)
{
    (void)state;
    histogram = (struct histogram){0};
    assert_int_equal(histogram_quantile(&histogram, 0.99), 0);
    for (uint64_t ns = 1; ns <= 100; ns++)
        histogram_add(&histogram, ns);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 50);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 99);
    assert_int_equal(histogram_quantile(&histogram, 1.0), 100);
    assert_int_equal(histogram.n, 100);
}

static void test_limit(void **state)
{
    (void)state;
    histogram = (struct histogram){0};
    histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(histogram.max_ns, HISTOGRAM_NS_MAX);
    assert_int_equal(histogram_quantile(&histogram, 1.0), HISTOGRAM_NS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precision),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
