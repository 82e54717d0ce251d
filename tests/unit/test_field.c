// What a field lets through from a path or query, and from a body.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>
#include <stdlib.h>

#include "api/field.h"

// NULL: refused; else the value as JSON.
static void check_text(const struct field *field, struct slice given, const char *expected)
{
    struct json *value = NULL;
    struct fault fault = {0};
    int result = field_from_text(field, given, &value, &fault);
    if (!expected) {
        assert_int_equal(result, FIELD_REFUSED);
        assert_int_equal(fault.status, 422);
        assert_string_equal(fault.code, field->name);
        assert_null(value);
        return;
    }
    assert_int_equal(result, 0);
    char *printed = json_print(value);
    assert_string_equal(printed, expected);
    free(printed);
    json_free(value);
}

#define FIELD(kind, low, high, of)                                                                           \
    {                                                                                                        \
        "x", FIELD_QUERY, kind, false, low, high, of, ""                                                     \
    }

static const struct field whole = FIELD(FIELD_WHOLE, 1, INT64_MAX, NULL),
                          small = FIELD(FIELD_WHOLE, 0, 500, NULL), text = FIELD(FIELD_TEXT, 1, 5, NULL),
                          token = FIELD(FIELD_TOKEN, 1, 4, NULL), code = FIELD(FIELD_CODE, 1, 4, NULL),
                          hex = FIELD(FIELD_HEX, 2, 4, NULL), zone = FIELD(FIELD_ZONE, 1, 20, NULL),
                          choice = FIELD(FIELD_CHOICE, 0, 0, "day|link"),
                          truth = FIELD(FIELD_TRUTH, 0, 0, NULL), time = FIELD(FIELD_TIME, 0, 0, NULL),
                          moment = FIELD(FIELD_MOMENT, 0, 0, NULL), uuid = FIELD(FIELD_UUID, 0, 0, NULL),
                          map = FIELD(FIELD_MAP, 0, 9, NULL);
static const struct {
    const struct field *field;
    const char *text, *expected;
} text_cases[] = {
    {&whole, "1", "1"},
    {&whole, "9223372036854775807", "9223372036854775807"},
    {&whole, "9223372036854775808", "9223372036854775807"}, // 19 digits: no such row either
    {&whole, "10000000000000000000", NULL},
    {&whole, "0", NULL},
    {&whole, "", NULL},
    {&whole, "-1", NULL},
    {&whole, "+1", NULL},
    {&whole, " 1", NULL},
    {&whole, "0x1", NULL},
    {&whole, "1e3", NULL},
    {&whole, "\xd9\xa3", NULL}, // a digit, but not ours
    {&small, "007", "7"},
    {&small, "501", NULL},
    {&text, "abcde", "\"abcde\""},
    {&text, "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5", "\"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\""},
    {&text, "abcdef", NULL},
    {&text, "", NULL},
    {&text, "a\nb", NULL},
    {&text, "a\x7f", NULL},
    {&text, "\xff", NULL},
    {&text, "\xc2\x85", NULL},
    {&text, "'\"\\;", "\"'\\\"\\\\;\""},
    {&token, "aZ_-", "\"aZ_-\""},
    {&token, "a b", NULL},
    {&token, "a/b", NULL},
    {&token, "abcde", NULL},
    {&token, "", NULL},
    {&code, "a1-_", "\"a1-_\""},
    {&code, "-a", NULL},
    {&code, "A", NULL},
    {&hex, "0f", "\"0f\""},
    {&hex, "0F", NULL},
    {&hex, "0", NULL},
    {&zone, "Europe/Moscow", "\"Europe/Moscow\""},
    {&zone, "Etc/GMT+3", "\"Etc/GMT+3\""},
    {&zone, "/etc/passwd", NULL},
    {&zone, "a'b", NULL},
    {&choice, "day", "\"day\""},
    {&choice, "link", "\"link\""},
    {&choice, "day|link", NULL},
    {&choice, "da", NULL},
    {&choice, "", NULL},
    {&truth, "true", "true"},
    {&truth, "false", "false"},
    {&truth, "True", NULL},
    {&time, "2026-01-02T03:04:05+03:00", "\"2026-01-02T00:04:05.000Z\""},
    {&time, "2026-01-02", NULL},
    {&time, "now", NULL},
    {&moment, "2026-01-02", "\"2026-01-02\""},
    {&moment, "2026-02-29", NULL},
    {&moment, "2026-1-02", NULL},
    {&moment, "2026-01-02T03:04:05Z", "\"2026-01-02T03:04:05.000Z\""},
    {&uuid, "018cc251-f400-7000-8000-000000000001", "\"018cc251-f400-7000-8000-000000000001\""},
    {&uuid, "018CC251-f400-7000-8000-000000000001", NULL},
    {&uuid, "018cc251f40070008000000000000001", NULL},
    {&uuid, "018cc251-f400-7000-8000-00000000000g", NULL},
    {&map, "{}", NULL},
};

static void texts_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(text_cases); i++)
        check_text(text_cases[i].field, slice_of(text_cases[i].text), text_cases[i].expected);
    check_text(&token, (struct slice){"a\0b", 3}, NULL);
    check_text(&text, (struct slice){"a\0b", 3}, NULL);
    check_text(&zone, (struct slice){"a\0b", 3}, NULL);
    check_text(&truth, (struct slice){"true\0", 5}, NULL);
}

static void members_have_types(void **state)
{
    static const struct field whole_member = FIELD(FIELD_WHOLE, -5, 5, NULL),
                              text_member = FIELD(FIELD_TEXT, 1, 5, NULL),
                              truth_member = FIELD(FIELD_TRUTH, 0, 0, NULL),
                              texts_member = FIELD(FIELD_TEXTS, 0, 2, NULL),
                              map_member = FIELD(FIELD_MAP, 0, 1, NULL),
                              list_member = FIELD(FIELD_LIST, 0, 2, NULL),
                              ids_member = FIELD(FIELD_IDS, 1, 2, NULL),
                              clearable = {"x", FIELD_BODY, FIELD_WHOLE, false, 1, 5, NULL, "", true};
    static const struct {
        const struct field *field;
        const char *json, *expected; // "": null, taken for not given
    } cases[] = {
        {&whole_member, "-5", "-5"},
        {&whole_member, "6", NULL},
        {&whole_member, "1.0", NULL},
        {&whole_member, "\"1\"", NULL},
        {&whole_member, "null", ""},
        {&whole_member, "true", NULL},
        {&text_member, "\"a\"", "\"a\""},
        {&text_member, "1", NULL},
        {&text_member, "[\"a\"]", NULL},
        {&text_member, "null", ""},
        {&text_member, "\"a\\u0007\"", NULL},
        {&truth_member, "true", "true"},
        {&truth_member, "1", NULL},
        {&truth_member, "\"true\"", NULL},
        {&texts_member, "[]", "[]"},
        {&texts_member, "[\"a\",\"b\"]", "[\"a\",\"b\"]"},
        {&texts_member, "[\"a\",\"b\",\"c\"]", NULL},
        {&texts_member, "[1]", NULL},
        {&texts_member, "[\"\\n\"]", NULL},
        {&texts_member, "{}", NULL},
        {&map_member, "{}", "{}"},
        {&map_member, "{\"a\":1}", "{\"a\":1}"},
        {&map_member, "{\"a\":1,\"b\":2}", NULL},
        {&map_member, "[]", NULL},
        {&list_member, "[]", "[]"},
        {&list_member, "[{},{\"a\":1}]", "[{},{\"a\":1}]"},
        {&list_member, "[{},{},{}]", NULL},
        {&list_member, "[1]", NULL},
        {&list_member, "{}", NULL},
        {&list_member, "null", ""},
        {&ids_member, "[1,9223372036854775807]", "[1,9223372036854775807]"},
        {&ids_member, "[]", NULL},
        {&ids_member, "[0]", NULL},
        {&clearable, "null", "null"},
        {&clearable, "5", "5"},
        {&clearable, "6", NULL},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        char body[64], error[JSON_ERROR_BYTES];
        struct json *object = NULL, *value = NULL;
        struct fault fault = {0};
        snprintf(body, sizeof(body), "{\"x\":%s}", cases[i].json);
        assert_int_equal(json_parse(&object, slice_of(body), error), 0);
        int result = field_from_json(cases[i].field, json_get(object, "x"), &value, &fault);
        assert_int_equal(result, cases[i].expected ? 0 : FIELD_REFUSED);
        assert_int_equal(value != NULL, cases[i].expected && *cases[i].expected);
        if (value) {
            char *printed = json_print(value);
            assert_string_equal(printed, cases[i].expected);
            free(printed);
        }
        json_free(value);
        json_free(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(members_have_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
