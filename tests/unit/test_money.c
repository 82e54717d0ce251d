// Money: text, shares, splits.

#include "base/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    unsigned exponent;
    int condition;
    int64_t minor;
} amounts[] = {
    {"0", 2, 0, 0},
    {"1", 2, 0, 100},
    {"1234.5", 2, 0, 123450},
    {"1234.56", 2, 0, 123456},
    {"007.10", 2, 0, 710},
    {"0.01", 2, 0, 1},
    {"1.500", 2, 0, 150},
    {"1.0", 0, 0, 1},
    {"1.234", 3, 0, 1234},
    {"1000", 0, 0, 1000},
    {"10000000000000.00", 2, 0, MONEY_MINOR_MAX},
    {"00000000000000000000000000000000000000000000000001", 2, 0, 100},
    {"0.001", 2, MONEY_PRECISION, 0},
    {"1.5", 0, MONEY_PRECISION, 0},
    {"1.2345", 3, MONEY_PRECISION, 0},
    {"10000000000000.01", 2, MONEY_TOO_LARGE, 0},
    {"1000000000000001", 0, MONEY_TOO_LARGE, 0},
    {"10000000000001", 2, MONEY_TOO_LARGE, 0},
    {"9999999999999999999999999999999999999999", 2, MONEY_TOO_LARGE, 0},
    {"18446744073709551617", 0, MONEY_TOO_LARGE, 0},
    {"-1", 2, MONEY_NEGATIVE, 0},
    {"-100.00", 2, MONEY_NEGATIVE, 0},
    {"-0", 2, MONEY_NEGATIVE, 0},
    {"-", 2, MONEY_MALFORMED, 0},
    {"--1", 2, MONEY_MALFORMED, 0},
    {"+1", 2, MONEY_MALFORMED, 0},
    {"", 2, MONEY_MALFORMED, 0},
    {".5", 2, MONEY_MALFORMED, 0},
    {"5.", 2, MONEY_MALFORMED, 0},
    {".", 2, MONEY_MALFORMED, 0},
    {"1.2.3", 2, MONEY_MALFORMED, 0},
    {"1e9", 2, MONEY_MALFORMED, 0},
    {"0x10", 2, MONEY_MALFORMED, 0},
    {"NaN", 2, MONEY_MALFORMED, 0},
    {"inf", 2, MONEY_MALFORMED, 0},
    {"1,000.00", 2, MONEY_MALFORMED, 0},
    {"1,5", 2, MONEY_MALFORMED, 0},
    {"1 000", 2, MONEY_MALFORMED, 0},
    {" 1", 2, MONEY_MALFORMED, 0},
    {"1\n", 2, MONEY_MALFORMED, 0},
    {"\xd9\xa3", 2, MONEY_MALFORMED, 0},
};

static void amounts_are_parsed_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(amounts); i++) {
        int64_t minor = -7;
        int r = money_parse(slice_of(amounts[i].text), amounts[i].exponent, &minor);
        if (r != amounts[i].condition || minor != (r ? -7 : amounts[i].minor))
            fail_msg("'%s': %d, %lld", amounts[i].text, r, (long long)minor);
    }
    int64_t minor;
    assert_int_equal(money_parse((struct slice){"1\0"
                                                "2",
                                                3},
                                 2, &minor),
                     MONEY_MALFORMED);
    assert_int_equal(money_parse(SLICE_NONE, 2, &minor), MONEY_MALFORMED);
}

static const struct {
    int64_t minor;
    unsigned exponent;
    const char *text;
} formats[] = {
    {0, 2, "0.00"},
    {5, 2, "0.05"},
    {123450, 2, "1234.50"},
    {-5, 2, "-0.05"},
    {7, 0, "7"},
    {-1234, 3, "-1.234"},
    {INT64_MIN, 2, "-92233720368547758.08"},
    {INT64_MAX, 0, "9223372036854775807"},
};

static void amounts_are_formatted(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(formats); i++) {
        char text[MONEY_TEXT_BYTES];
        assert_int_equal(money_format(formats[i].minor, formats[i].exponent, text), strlen(formats[i].text));
        assert_string_equal(text, formats[i].text);
    }
}

// Rates times 10^12.
static const struct {
    int64_t minor, rate_pico;
    unsigned from, to;
    int condition;
    int64_t out;
} conversions[] = {
    {100, INT64_C(92135700000000), 2, 2, 0, 9214},    // 1.00 EUR
    {1, INT64_C(625000000000), 0, 2, 0, 62},          // 1 JPY: 62.5, to even
    {3, INT64_C(625000000000), 0, 2, 0, 188},         // 187.5, to even
    {1, INT64_C(25000000000), 0, 2, 0, 2},            // 2.5
    {1, INT64_C(35000000000), 0, 2, 0, 4},            // 3.5
    {1, INT64_C(25000000001), 0, 2, 0, 3},            // just above the half
    {1001, INT64_C(300000000000000), 3, 2, 0, 30030}, // 1.001 KWD
    {1005, INT64_C(500000000000000), 3, 0, 0, 502},   // 502.5 JPY, to even
    {15, INT64_C(100000000000), 2, 3, 0, 15},         // into KWD
    {0, MONEY_RATE_PICO_MAX, 0, 3, 0, 0},
    {1, 1, 3, 0, 0, 0},
    {MONEY_MINOR_MAX, INT64_C(1000000000000), 2, 2, 0, MONEY_MINOR_MAX},
    {MONEY_MINOR_MAX, INT64_C(1000000000001), 2, 2, MONEY_TOO_LARGE, 0},
    {MONEY_MINOR_MAX, MONEY_RATE_PICO_MAX, 0, 3, MONEY_TOO_LARGE, 0},
};

static void amounts_are_converted(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(conversions); i++) {
        int64_t out = -7;
        int r = money_convert(conversions[i].minor, conversions[i].rate_pico, conversions[i].from,
                              conversions[i].to, &out);
        if (r != conversions[i].condition || out != (r ? -7 : conversions[i].out))
            fail_msg("conversion %zu: %d, %lld", i, r, (long long)out);
    }
}

static const struct {
    int64_t amount, ppm, share;
} shares[] = {
    {100000, 100000, 10000},
    {1, 500000, 1},
    {1, 499999, 0},
    {-1, 500000, -1},
    {3, 500000, 2},
    {199, 75000, 15},
    {333, 333333, 111},
    {MONEY_MINOR_MAX, MONEY_PPM_ONE, MONEY_MINOR_MAX},
    {MONEY_MINOR_MAX, 1000 * MONEY_PPM_ONE, 1000 * MONEY_MINOR_MAX},
    {-MONEY_MINOR_MAX, 999999, -999999000000000},
    {12345, 0, 0},
};

static void shares_round_half_away_from_zero(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(shares); i++) {
        assert_true(money_share(shares[i].amount, shares[i].ppm) == shares[i].share);
        assert_true(money_share(-shares[i].amount, shares[i].ppm) == -shares[i].share);
    }
}

static const struct {
    int64_t total;
    size_t n;
    uint32_t ppm[5];
    int64_t parts[5];
} splits[] = {
    {100, 3, {333334, 333333, 333333}, {34, 33, 33}},
    {-100, 3, {333334, 333333, 333333}, {-34, -33, -33}},
    {1, 2, {500000, 500000}, {1, 0}},
    {1, 3, {200000, 400000, 400000}, {0, 1, 0}},
    {2, 3, {333333, 333333, 333334}, {1, 0, 1}},
    {7, 1, {1000000}, {7}},
    {0, 2, {1, 999999}, {0, 0}},
    {5, 3, {0, 1000000, 0}, {0, 5, 0}},
    {1000, 5, {400000, 66667, 66667, 66666, 400000}, {400, 67, 67, 66, 400}},
    {MONEY_MINOR_MAX, 2, {1, 999999}, {1000000000, 999999000000000}},
};

static void splits_sum_exactly(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(splits); i++) {
        int64_t parts[5], sum = 0;
        money_split(splits[i].total, splits[i].ppm, splits[i].n, parts);
        for (size_t k = 0; k < splits[i].n; k++) {
            sum += parts[k];
            if (parts[k] != splits[i].parts[k])
                fail_msg("split %zu, part %zu: %lld", i, k, (long long)parts[k]);
        }
        assert_true(sum == splits[i].total);
    }
}

static void any_split_sums_exactly(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (unsigned round = 0; round < 2000; round++) {
        uint32_t ppm[MONEY_SPLIT_MAX], left = MONEY_PPM_ONE;
        int64_t parts[MONEY_SPLIT_MAX], sum = 0;
        size_t n = 1 + round % MONEY_SPLIT_MAX;
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t total = (int64_t)(random >> 20) % MONEY_MINOR_MAX - MONEY_MINOR_MAX / 2;
        for (size_t i = 0; i + 1 < n; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            ppm[i] = (uint32_t)(random >> 33) % (left + 1);
            left -= ppm[i];
        }
        ppm[n - 1] = left;
        money_split(total, ppm, n, parts);
        for (size_t i = 0; i < n; i++)
            sum += parts[i];
        assert_true(sum == total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_parsed_strictly), cmocka_unit_test(amounts_are_converted),
        cmocka_unit_test(amounts_are_formatted),       cmocka_unit_test(shares_round_half_away_from_zero),
        cmocka_unit_test(splits_sum_exactly),          cmocka_unit_test(any_split_sums_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
