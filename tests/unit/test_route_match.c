// Which route a path means, and that the table of routes is one that the rest of the api can work with.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>

#include "api/route.h"

static void paths_find_their_route(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
        int result;
        const char *function, *capture;
        unsigned allowed;
    } cases[] = {
        {HTTP_GET, "/v1/me", 0, "api_me", NULL, 0},
        {HTTP_HEAD, "/v1/me", 0, "api_me", NULL, 0},
        {HTTP_POST, "/v1/me", ROUTE_METHOD, NULL, NULL, 1u << HTTP_GET | 1u << HTTP_PATCH},
        {HTTP_GET, "/v1/links", 0, "api_links", NULL, 0},
        {HTTP_POST, "/v1/links", 0, "api_link_create", NULL, 0},
        {HTTP_DELETE, "/v1/links", ROUTE_METHOD, NULL, NULL, 1u << HTTP_GET | 1u << HTTP_POST},
        {HTTP_OTHER, "/v1/links", ROUTE_METHOD, NULL, NULL, 1u << HTTP_GET | 1u << HTTP_POST},
        {HTTP_PATCH, "/v1/links/7", 0, "api_link_change", "7", 0},
        {HTTP_GET, "/v1/links/7", ROUTE_METHOD, NULL, NULL, 1u << HTTP_PATCH},
        {HTTP_GET, "/v1/conversions/%2e%2e", 0, "api_conversion", "%2e%2e", 0},
        {HTTP_GET, "/v1/conversions/7/explain", 0, "api_conversion_explain", "7", 0},
        {HTTP_POST, "/v1/conversions/7/explain", ROUTE_METHOD, NULL, NULL, 1u << HTTP_GET},
        {HTTP_POST, "/v1/conversions/decide", 0, "api_conversions_decide", NULL, 0},
        {HTTP_GET, "/v1/conversions/", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/v1/conversions//explain", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/v1/conversions/7/explain/", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/v1/conversions/7/8/explain", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/v1/LINKS", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/v1/link", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/v1/linksx", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/v1", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "//v1/links", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "/", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "v1/me", ROUTE_UNKNOWN, NULL, NULL, 0},
        {HTTP_GET, "*", ROUTE_UNKNOWN, NULL, NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct route_match match;
        assert_int_equal(route_find(cases[i].method, slice_of(cases[i].path), &match), cases[i].result);
        if (cases[i].result == 0)
            assert_string_equal(match.route->function, cases[i].function);
        else if (cases[i].result == ROUTE_METHOD)
            assert_int_equal(match.allowed, cases[i].allowed);
        if (cases[i].capture)
            assert_true(slice_equal(match.captures[0], slice_of(cases[i].capture)));
        else if (cases[i].result == 0)
            assert_int_equal(match.captures[0].len, 0);
    }
}

static size_t captures_of(const struct route *route)
{
    size_t n = 0;
    while (route_capture_name(route, n).data)
        n++;
    return n;
}

static void the_table_is_whole(void **state)
{
    (void)state;
    for (const struct route *route = route_next(NULL); route; route = route_next(route)) {
        struct route_match match;
        size_t path_fields = 0;
        assert_true(strlen(route->help) > 0 && route->n_fields <= ROUTE_FIELDS_MAX);
        assert_true(route->status >= 200 && route->status < 300);
        assert_int_equal(route_find(route->method, slice_of(route->path), &match), 0);
        assert_ptr_equal(match.route, route); // no earlier route hides it
        assert_int_equal(strstr(route->sql, "api_post(") != NULL,
                         route->method == HTTP_POST && !route->takes_rows);
        for (size_t j = 0; j < route->n_fields; j++) {
            const struct field *field = &route->fields[j];
            path_fields += field->place == FIELD_PATH;
            assert_true(field->place != FIELD_BODY || route->method != HTTP_GET);
            assert_true(field->place != FIELD_QUERY || route->method == HTTP_GET || route->takes_rows);
            assert_true((field->type == FIELD_CHOICE) == (field->choices != NULL));
            assert_true(field->min <= field->max && strlen(field->help) > 0);
            assert_true(field->place == FIELD_BODY ||
                        (field->type != FIELD_TEXTS && field->type != FIELD_MAP &&
                         field->type != FIELD_LIST && field->type != FIELD_IDS));
            assert_true(!field->clearable || (field->place == FIELD_BODY && route->method != HTTP_GET));
            for (size_t k = 0; k < j; k++)
                assert_string_not_equal(field->name, route->fields[k].name);
        }
        assert_int_equal(path_fields, captures_of(route));
        assert_true(captures_of(route) <= ROUTE_CAPTURES_MAX);
    }
}

static void captures_have_names(void **state)
{
    static const struct route route = {.path = "/a/{first}/b/{second}"};
    (void)state;
    assert_true(slice_equal(route_capture_name(&route, 0), SLICE("first")));
    assert_true(slice_equal(route_capture_name(&route, 1), SLICE("second")));
    assert_null(route_capture_name(&route, 2).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_route),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(captures_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
