// JSON: what is read strictly, and what is built comes out as text.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"

static void only_strict_objects_are_read(void **state)
{
    static const struct {
        struct slice text;
        int result;
    } cases[] = {
        {{SLICE_PARTS("{}")}, 0},
        {{SLICE_PARTS(" {\"a\": [1, {\"b\": null}]} ")}, 0},
        {{SLICE_PARTS("{\"a\":9223372036854775807}")}, 0},
        {{SLICE_PARTS("{\"a\":\"\\ud83d\\ude00\"}")}, 0},
        {{SLICE_PARTS("")}, JSON_MALFORMED},
        {{NULL, 0}, JSON_MALFORMED},
        {{SLICE_PARTS("[]")}, JSON_MALFORMED},
        {{SLICE_PARTS("1")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":1,\"a\":2}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":1,}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{'a':1}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":01}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":NaN}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":9223372036854775808}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":\"\\u0000\"}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":\"\\ud83d\"}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":\"\xff\"}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{\"a\":\"\n\"}")}, JSON_MALFORMED},
        {{SLICE_PARTS("{}x")}, JSON_MALFORMED},
        {{SLICE_PARTS("{}\0")}, JSON_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct json *json = NULL;
        char error[JSON_ERROR_BYTES] = "";
        assert_int_equal(json_parse(&json, cases[i].text, error), cases[i].result);
        assert_int_equal(json != NULL, cases[i].result == 0);
        assert_int_equal(error[0] != 0, cases[i].result != 0);
        json_free(json);
    }
}

static void kinds_are_told_apart(void **state)
{
    static const enum json_kind kinds[] = {JSON_TEXT,  JSON_WHOLE,   JSON_FRACTION, JSON_FRACTION,
                                           JSON_TRUTH, JSON_NOTHING, JSON_LIST,     JSON_MAP};
    struct json *json = NULL;
    char error[JSON_ERROR_BYTES];
    (void)state;
    assert_int_equal(json_parse(&json, SLICE("{\"a\":[\"x\",1,1.5,1e2,true,null,[],{}]}"), error), 0);
    const struct json *list = json_get(json, "a");
    for (size_t i = 0; i < array_length(kinds); i++)
        assert_int_equal(json_kind(json_at(list, i)), kinds[i]);
    assert_int_equal(json_kind(json_at(list, array_length(kinds))), JSON_NONE);
    assert_int_equal(json_kind(json_get(json, "b")), JSON_NONE);
    assert_int_equal(json_whole_of(json_at(list, 1)), 1);
    json_free(json);
}

static void values_are_printed(void **state)
{
    struct json *map = json_map(), *list = json_list();
    (void)state;
    assert_true(json_add(list, json_text(SLICE("a\"b"))));
    assert_true(json_add(list, json_whole(-7)));
    assert_true(json_put(map, "list", list));
    assert_true(json_put(map, "yes", json_truth(true)));
    assert_true(json_put(map, "again", json_share(json_get(map, "yes"))));
    assert_null(json_text(SLICE("\xff")));
    assert_false(json_put(map, "bad", NULL));
    char *text = json_print(map);
    assert_string_equal(text, "{\"list\":[\"a\\\"b\",-7],\"yes\":true,\"again\":true}");
    free(text);
    json_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_strict_objects_are_read),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(values_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
