// Times as text: the strict subset, and the way back.

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int64_t ms; // -1: malformed
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-01-02T03:04:05Z", 1767323045000},
    {"2026-01-02T03:04:05.678Z", 1767323045678},
    {"2026-01-02T03:04:05.6Z", 1767323045600},
    {"2026-01-02T03:04:05.678999999Z", 1767323045678},
    {"2026-01-02T06:04:05+03:00", 1767323045000},
    {"2026-01-01T21:34:05.1-05:30", 1767323045100},
    {"2024-02-29T23:59:59Z", 1709251199000},
    {"2000-02-29T00:00:00Z", 951782400000},
    {"9999-12-31T23:59:59.999Z", CLOCK_MS_MAX},
    {"0", 0},
    {"1767323045", 1767323045000},
    {"253402300799", 253402300799000},
    {"253402300800", -1},
    {"1767323045000", -1},
    {"-1", -1},
    {"+1", -1},
    {"1767323045.5", -1},
    {"", -1},
    {"2026-01-02", -1},
    {"2026-01-02T03:04:05", -1},
    {"2026-01-02 03:04:05Z", -1},
    {"2026-01-02t03:04:05z", -1},
    {"2026-13-02T03:04:05Z", -1},
    {"2026-00-02T03:04:05Z", -1},
    {"2026-02-29T03:04:05Z", -1},
    {"2100-02-29T03:04:05Z", -1},
    {"2026-04-31T03:04:05Z", -1},
    {"2026-01-00T03:04:05Z", -1},
    {"2026-01-02T24:00:00Z", -1},
    {"2026-01-02T03:60:00Z", -1},
    {"2026-01-02T03:04:60Z", -1},
    {"2026-01-02T03:04:05.Z", -1},
    {"2026-01-02T03:04:05.1234567890Z", -1},
    {"2026-01-02T03:04:05+0300", -1},
    {"2026-01-02T03:04:05+24:00", -1},
    {"2026-01-02T03:04:05+03:60", -1},
    {"2026-01-02T03:04:05ZZ", -1},
    {"2026-1-2T03:04:05.00Z", -1},
    {" 2026-01-02T03:04:05Z", -1},
    {"1969-12-31T23:59:59Z", -1},
    {"1970-01-01T00:00:00+00:01", -1},
    {"9999-12-31T23:59:59-00:01", -1},
    {"20a6-01-02T03:04:05Z", -1},
};

static void times_are_parsed_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(times); i++) {
        int64_t ms = -1;
        int r = clock_parse(slice_of(times[i].text), &ms);
        if (ms != times[i].ms || r != (times[i].ms < 0 ? CLOCK_MALFORMED : 0))
            fail_msg("'%s': %d, %lld", times[i].text, r, (long long)ms);
    }
}

static void what_is_written_can_be_read(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_BYTES];
    for (int64_t ms = 0; ms <= CLOCK_MS_MAX; ms += 86399999 * INT64_C(3) + 1) {
        int64_t again;
        size_t len = clock_format(ms, text);
        assert_int_equal(len, CLOCK_TEXT_BYTES - 1);
        assert_int_equal(clock_parse((struct slice){text, len}, &again), 0);
        assert_true(again == ms);
    }
    clock_format(1767323045678, text);
    assert_string_equal(text, "2026-01-02T03:04:05.678Z");
    clock_format(-5, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void clocks_go_forward(void **state)
{
    (void)state;
    uint64_t us = clock_monotonic_us();
    assert_true(clock_monotonic_us() >= us);
    assert_true(clock_monotonic_ms() >= us / 1000);
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_parsed_strictly),
        cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
