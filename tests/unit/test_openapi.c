// The OpenAPI document names every route and every parameter of the table.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>
#include <stdlib.h>

#include "api/openapi.h"
#include "api/route.h"
#include "base/json.h"

static const char *method_name(enum http_method method)
{
    return method == HTTP_GET ? "get" : method == HTTP_POST ? "post" : "patch";
}

static bool names_parameter(const struct json *parameters, const struct field *field)
{
    for (size_t i = 0; i < json_length(parameters); i++) {
        if (slice_equal(json_text_of(json_get(json_at(parameters, i), "name")), slice_of(field->name)))
            return true;
    }
    return false;
}

static const struct json *body_properties(const struct json *operation)
{
    const struct json *json = json_get(json_get(operation, "requestBody"), "content");
    return json_get(json_get(json_get(json, "application/json"), "schema"), "properties");
}

static void every_route_is_described(void **state)
{
    char error[JSON_ERROR_BYTES], *text = openapi_print("1.2.3");
    struct json *document = NULL;
    (void)state;
    assert_non_null(text);
    assert_int_equal(json_parse(&document, slice_of(text), error), 0);
    assert_true(slice_equal(json_text_of(json_get(json_get(document, "info"), "version")), SLICE("1.2.3")));
    for (const struct route *route = route_next(NULL); route; route = route_next(route)) {
        const struct json *path = json_get(json_get(document, "paths"), route->path);
        const struct json *operation = json_get(path, method_name(route->method));
        assert_non_null(operation);
        for (size_t j = 0; j < route->n_fields; j++) {
            const struct field *field = &route->fields[j];
            if (field->place == FIELD_BODY)
                assert_non_null(json_get(body_properties(operation), field->name));
            else
                assert_true(names_parameter(json_get(operation, "parameters"), field));
        }
    }
    json_free(document);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
