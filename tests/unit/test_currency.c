// Currencies: decimals, and what is no currency.

#include "base/currency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"

static const struct {
    const char *code;
    int exponent; // -1: no currency
} codes[] = {
    {"AED", 2}, {"RUB", 2},   {"USD", 2},  {"EUR", 2},  {"ZWG", 2},  {"JPY", 0},  {"KRW", 0},
    {"CLP", 0}, {"BHD", 3},   {"KWD", 3},  {"TND", 3},  {"ISK", 0},  {"UGX", 0},  {"VND", 0},
    {"XOF", 0}, {"MRU", 2},   {"XXX", -1}, {"XTS", -1}, {"XAU", -1}, {"CLF", -1}, {"usd", -1},
    {"US", -1}, {"USDT", -1}, {"", -1},    {"AAA", -1}, {"ZZZ", -1}, {"HRK", -1},
};

static void codes_have_their_decimals(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(codes); i++) {
        const struct currency *currency = currency_find(slice_of(codes[i].code));
        int exponent = currency ? (int)currency->exponent : -1;
        if (exponent != codes[i].exponent)
            fail_msg("%s: %d", codes[i].code, exponent);
        if (currency)
            assert_string_equal(currency->code, codes[i].code);
    }
    assert_null(currency_find(SLICE_NONE));
}

// A row out of order could not be found by all searches: count what can be found.
static void every_row_can_be_found(void **state)
{
    (void)state;
    size_t found = 0;
    for (unsigned n = 0; n < 26 * 26 * 26; n++) {
        char code[3] = {(char)('A' + n / 676), (char)('A' + n / 26 % 26), (char)('A' + n % 26)};
        found += currency_find((struct slice){code, 3}) != NULL;
    }
    assert_int_equal(found, 155);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_decimals),
        cmocka_unit_test(every_row_can_be_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
