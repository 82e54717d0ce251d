// Metrics: sums, labels, workers, the full buffer.

#include "base/metrics.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct counters {
    uint64_t human, bot, depth;
};

static const struct metric table[] = {
    {"cl_hits_total", "Hits by class.", METRIC_COUNTER, offsetof(struct counters, human), "class=\"human\"",
     false},
    {"cl_hits_total", "Hits by class.", METRIC_COUNTER, offsetof(struct counters, bot), "class=\"bot\"",
     false},
    {"cl_depth", "Waiting frames.", METRIC_GAUGE, offsetof(struct counters, depth), NULL, true},
    {"cl_depth_sum", "Waiting frames of all.", METRIC_GAUGE, offsetof(struct counters, depth), NULL, false},
};

static const char expected[] = "# HELP cl_hits_total Hits by class.\n"
                               "# TYPE cl_hits_total counter\n"
                               "cl_hits_total{class=\"human\"} 18446744073709551615\n"
                               "cl_hits_total{class=\"bot\"} 5\n"
                               "# HELP cl_depth Waiting frames.\n"
                               "# TYPE cl_depth gauge\n"
                               "cl_depth{worker=\"0\"} 7\n"
                               "cl_depth{worker=\"1\"} 8\n"
                               "# HELP cl_depth_sum Waiting frames of all.\n"
                               "# TYPE cl_depth_sum gauge\n"
                               "cl_depth_sum 15\n";

static void instances_are_summed_or_told_apart(void **state)
{
    (void)state;
    struct counters one = {.human = UINT64_MAX - 1}, two = {0};
    const void *const instances[] = {&one, &two};
    char out[1024];

    metric_add(&one.human, 1);
    metric_add(&two.bot, 2);
    metric_add(&two.bot, 3);
    metric_set(&one.depth, 7);
    metric_set(&two.depth, 8);
    ssize_t len = metrics_render(table, array_length(table), instances, 2, out, sizeof(out));
    assert_int_equal(len, sizeof(expected) - 1);
    assert_memory_equal(out, expected, (size_t)len);
    for (size_t room = 0; room < sizeof(expected); room++)
        assert_int_equal(metrics_render(table, array_length(table), instances, 2, out, room), -ENOBUFS);
    assert_true(metrics_render(table, array_length(table), instances, 2, out, sizeof(expected)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_are_summed_or_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
