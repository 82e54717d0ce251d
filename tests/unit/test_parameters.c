// Requests to parameters: what is unknown, doubled, missing or malformed is refused with its status and code.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>
#include <stdlib.h>

#include "api/parameters.h"

static const struct {
    enum http_method method;
    const char *path, *query, *type, *body;
    const char *expected; // the parameters, or NULL:
    unsigned status;
    const char *code;
} cases[] = {
    {HTTP_GET, "/v1/me", NULL, NULL, "", "{}", 0, NULL},
    {HTTP_GET, "/v1/me", "", NULL, "", "{}", 0, NULL},
    {HTTP_GET, "/v1/me", "a=1", NULL, "", NULL, 422, "unknown_parameter"},
    {HTTP_GET, "/v1/me", "%ff%00=1", NULL, "", NULL, 422, "unknown_parameter"},
    {HTTP_GET, "/v1/me", NULL, NULL, "{}", NULL, 400, "body"},
    {HTTP_GET, "/v1/links", "limit=5&status=active", NULL, "", "{\"limit\":5,\"status\":\"active\"}", 0,
     NULL},
    {HTTP_GET, "/v1/links", "&&limit=%35&", NULL, "", "{\"limit\":5}", 0, NULL},
    {HTTP_GET, "/v1/links", "limit=5&limit=5", NULL, "", NULL, 422, "duplicate_parameter"},
    {HTTP_GET, "/v1/links", "limit", NULL, "", NULL, 422, "limit"},
    {HTTP_GET, "/v1/links", "limit=%", NULL, "", NULL, 400, "escape"},
    {HTTP_GET, "/v1/links", "id=5", NULL, "", NULL, 422, "unknown_parameter"},
    {HTTP_GET, "/v1/conversions", "order_id=a+b%2Bc", NULL, "", "{\"order_id\":\"a b+c\"}", 0, NULL},
    {HTTP_GET, "/v1/conversions/7", NULL, NULL, "", "{\"id\":7}", 0, NULL},
    {HTTP_GET, "/v1/conversions/%37", NULL, NULL, "", "{\"id\":7}", 0, NULL},
    {HTTP_GET, "/v1/conversions/x", NULL, NULL, "", NULL, 404, "not_found"},
    {HTTP_GET, "/v1/conversions/7", "id=8", NULL, "", NULL, 422, "unknown_parameter"},
    {HTTP_POST, "/v1/partners", NULL, NULL, "{\"name\":\"A\"}", "{\"name\":\"A\"}", 0, NULL},
    {HTTP_POST, "/v1/partners", NULL, "application/json", "{\"name\":\"A\",\"email\":null}",
     "{\"name\":\"A\"}", 0, NULL},
    {HTTP_POST, "/v1/partners", NULL, "Application/JSON; charset=utf-8", "{\"name\":\"A\"}",
     "{\"name\":\"A\"}", 0, NULL},
    {HTTP_POST, "/v1/partners", NULL, "text/plain", "{\"name\":\"A\"}", NULL, 415, "content_type"},
    {HTTP_POST, "/v1/partners", NULL, "application/jsonp", "{\"name\":\"A\"}", NULL, 415, "content_type"},
    {HTTP_POST, "/v1/partners", NULL, NULL, "", NULL, 422, "name"},
    {HTTP_POST, "/v1/partners", NULL, NULL, "{\"name\":null}", NULL, 422, "name"},
    {HTTP_POST, "/v1/partners", NULL, NULL, "{\"name\":\"A\",\"name\":\"B\"}", NULL, 400, "json"},
    {HTTP_POST, "/v1/partners", NULL, NULL, "{\"name\":\"A\"}x", NULL, 400, "json"},
    {HTTP_POST, "/v1/partners", NULL, NULL, "\"A\"", NULL, 400, "json"},
    {HTTP_POST, "/v1/partners", NULL, NULL, "{\"name\":\"A\",\"status\":\"active\"}", NULL, 422,
     "unknown_parameter"},
    {HTTP_POST, "/v1/partners", "name=A", NULL, "", NULL, 422, "unknown_parameter"},
    {HTTP_POST, "/v1/partners/7/approve", NULL, NULL, "", "{\"id\":7}", 0, NULL},
    {HTTP_POST, "/v1/partners/7/approve", NULL, NULL, "{}", "{\"id\":7}", 0, NULL},
    {HTTP_POST, "/v1/partners/7/approve", NULL, NULL, "{\"id\":8}", NULL, 422, "unknown_parameter"},
};

static void requests_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct http_header header = {SLICE("Content-Type"), slice_of(cases[i].type ? cases[i].type : "")};
        struct http_request request = {.method = cases[i].method,
                                       .path = slice_of(cases[i].path),
                                       .body = slice_of(cases[i].body),
                                       .headers = &header,
                                       .n_headers = cases[i].type ? 1 : 0};
        struct route_match match;
        struct json *parameters = NULL;
        struct fault fault = {0};
        if (cases[i].query)
            request.query = slice_of(cases[i].query);
        assert_int_equal(route_find(request.method, request.path, &match), 0);
        int result = parameters_read(&match, &request, &parameters, &fault);
        if (cases[i].expected) {
            assert_int_equal(result, 0);
            char *printed = json_print(parameters);
            assert_string_equal(printed, cases[i].expected);
            free(printed);
            json_free(parameters);
        } else {
            assert_int_equal(result, PARAMETERS_REFUSED);
            assert_int_equal(fault.status, cases[i].status);
            assert_string_equal(fault.code, cases[i].code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
