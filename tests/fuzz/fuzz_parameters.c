// Requests of the API from any bytes: "<method>\n<path>\n<query>\n<body>". What parameters_read() lets
// through must hold no control character, must print as JSON, and must hold only what the route names.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/parameters.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice line_take(struct slice *rest)
{
    const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    struct slice line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
    size_t used = line.len + (end != NULL);
    *rest = (struct slice){rest->data + used, rest->len - used};
    return line;
}

static enum http_method method_of(struct slice text)
{
    return slice_equal(text, SLICE("POST"))    ? HTTP_POST
           : slice_equal(text, SLICE("PATCH")) ? HTTP_PATCH
                                               : HTTP_GET;
}

static int member_check(void *ctx, const char *name, const struct json *value)
{
    const struct route *route = ctx;
    bool known = false;
    for (size_t i = 0; i < route->n_fields; i++)
        known = known || strcmp(route->fields[i].name, name) == 0;
    assert(known && json_kind(value) != JSON_NOTHING && json_kind(value) != JSON_FRACTION);
    assert(json_kind(value) != JSON_TEXT || utf8_printable(json_text_of(value)));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct http_request request = {.method = method_of(line_take(&rest))};
    struct route_match match;
    struct json *parameters = NULL;
    struct fault fault = {0};

    request.path = line_take(&rest);
    request.query = line_take(&rest);
    request.body = rest;
    if (route_find(request.method, request.path, &match))
        return 0;
    int r = parameters_read(&match, &request, &parameters, &fault);
    assert(r == 0 || (r == PARAMETERS_REFUSED && fault.status >= 400 && fault.code[0]));
    if (r)
        return 0;
    assert(json_each(parameters, member_check, (void *)(uintptr_t)match.route) == 0);
    char *text = json_print(parameters);
    assert(text && utf8_valid(slice_of(text)));
    free(text);
    json_free(parameters);
    return 0;
}
