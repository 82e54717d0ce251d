// Flat JSON objects: what is one, and that numbers stay what they were.

#include "base/json_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "guarded.h"

// Everything as text, "name=value;" each; the condition that ended it.
static int read_all(struct slice text, char out[1024])
{
    static const char kinds[] = "tnb0";
    struct json_members members;
    struct json_member member;
    size_t len = 0;
    int r;

    json_members_start(&members, text);
    while ((r = json_members_next(&members, &member)) == 0)
        len += (size_t)snprintf(out + len, 1024 - len, "%.*s=%c%.*s;", (int)member.name.len, member.name.data,
                                kinds[member.kind], (int)member.value.len, member.value.data);
    assert_int_equal(json_members_next(&members, &member), JSON_MEMBERS_MALFORMED);
    out[len] = '\0';
    return r;
}

static int read_guarded(const char *text, char out[1024])
{
    struct guarded guarded = guarded_new(1024);
    size_t len = strlen(text);

    int r = read_all((struct slice){guarded_put(&guarded, text, len), len}, out);
    guarded_free(&guarded);
    return r;
}

static void objects_test(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{}", ""},
        {" {\t} \r\n", ""},
        {"{\"a\":\"b\"}", "a=tb;"},
        {"{ \"a\" : 1990.50 , \"b\":-0 }", "a=n1990.50;b=n-0;"},
        {"{\"a\":0.1,\"b\":10,\"c\":1e9,\"d\":1.5E-3}", "a=n0.1;b=n10;c=n1e9;d=n1.5E-3;"},
        {"{\"a\":true,\"b\":false,\"c\":null}", "a=btrue;b=bfalse;c=0null;"},
        {"{\"a\":\"\\\"\\\\\\/\\b\\u00e9\"}", "a=t\\\"\\\\\\/\\b\\u00e9;"},
        {"{\"\":\"\"}", "=t;"},
        {"{\"a\":9007199254740993.01}", "a=n9007199254740993.01;"},
    };
    char out[1024];

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        assert_int_equal(read_guarded(cases[i].text, out), JSON_MEMBERS_END);
        assert_string_equal(out, cases[i].want);
    }
}

static void malformed_test(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":0x10}",
        "{\"a\":NaN}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":1 2}",
        "{\"a\" 1}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\",
        "{\"a\":tru}",
        "{\"a\":1\"b\":2}",
        "\xef\xbb\xbf{}",
        "{\"a\":\"\\u12",
        "{\"a\":Infinity}",
    };
    char out[1024];

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        if (read_guarded(cases[i], out) != JSON_MEMBERS_MALFORMED)
            fail_msg("%s", cases[i]);
    }
}

static void nested_test(void **state)
{
    char out[1024];

    (void)state;
    assert_int_equal(read_all(SLICE("{\"a\":1,\"b\":{}}"), out), JSON_MEMBERS_NESTED);
    assert_string_equal(out, "a=n1;");
    assert_int_equal(read_all(SLICE("{\"a\":[1]}"), out), JSON_MEMBERS_NESTED);
}

static void too_many_test(void **state)
{
    static char text[8 * JSON_MEMBERS_MAX];
    struct json_members members;
    struct json_member member;
    size_t len = 0;
    int n = 0, r;

    (void)state;
    for (unsigned i = 0; i <= JSON_MEMBERS_MAX; i++)
        len += (size_t)sprintf(text + len, "%s\"a\":1", i == 0 ? "{" : ",");
    json_members_start(&members, (struct slice){text, len});
    while ((r = json_members_next(&members, &member)) == 0)
        n++;
    assert_int_equal(n, JSON_MEMBERS_MAX);
    assert_int_equal(r, JSON_MEMBERS_TOO_MANY);
}

static void decode_test(void **state)
{
    static const struct {
        const char *text, *want;
        int r;
    } cases[] = {
        {"plain", "plain", 0},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 0},
        {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", 0},
        {"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!", 0},
        {"\\ud83d", "", JSON_MEMBERS_MALFORMED},
        {"\\ud83dx12345", "", JSON_MEMBERS_MALFORMED},
        {"\\ud83d\\u0041", "", JSON_MEMBERS_MALFORMED},
        {"\\ude00", "", JSON_MEMBERS_MALFORMED},
    };
    char out[64];
    size_t len;

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        assert_int_equal(json_text_decode(slice_of(cases[i].text), out, sizeof(out), &len), cases[i].r);
        if (cases[i].r == 0)
            assert_true(slice_equal((struct slice){out, len}, slice_of(cases[i].want)));
    }
    assert_int_equal(json_text_decode(SLICE("\\u0000"), out, sizeof(out), &len), 0);
    assert_true(len == 1 && out[0] == '\0');
    assert_int_equal(json_text_decode(SLICE("abcd"), out, 3, &len), -ENOSPC);
    memcpy(out, "\\u20ac.", 7);
    assert_int_equal(json_text_decode((struct slice){out, 7}, out, 7, &len), 0); // in place
    assert_true(slice_equal((struct slice){out, len}, SLICE("\xe2\x82\xac.")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_test),  cmocka_unit_test(malformed_test), cmocka_unit_test(nested_test),
        cmocka_unit_test(too_many_test), cmocka_unit_test(decode_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
