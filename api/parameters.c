// Request to parameters. Pure. Invariants: a parameter that its route does not name, a parameter given twice
// and a needed one that is missing are refused; nothing unchecked passes. Limits: PARAM_BYTES_MAX of a
// decoded value; the HTTP server bounds the body, base/query the number of query parameters.

#include "api/parameters.h"

#include <errno.h>
#include <stdlib.h>

#include <sodium.h>

#include "api/field.h"
#include "api/image.h"
#include "base/query.h"
#include "base/utf8.h"

#define PARAM_NAME_BYTES_MAX 64
#define PARAM_BYTES_MAX      4096

struct reading {
    const struct route *route;
    struct json *params;
    struct fault *fault;
};

static const struct field *field_find(const struct route *route, enum field_place place, struct slice name)
{
    for (size_t i = 0; i < route->n_fields; i++) {
        const struct field *field = &route->fields[i];
        if (field->place == place && slice_equal(slice_of(field->name), name))
            return field;
    }
    bool is_format = place == FIELD_QUERY && route->csv && slice_equal(slice_of(route_format.name), name);
    return is_format ? &route_format : NULL;
}

static int unknown(struct fault *fault, struct slice name)
{
    bool shown = name.len <= PARAM_NAME_BYTES_MAX && utf8_printable(name);
    fault_set(fault, 422, "unknown_parameter", "there is no parameter %.*s here", shown ? (int)name.len : 0,
              shown ? name.data : "");
    return PARAMETERS_REFUSED;
}

static int put(struct reading *reading, const struct field *field, struct json *value)
{
    return json_put(reading->params, field->name, value) ? 0 : -ENOMEM;
}

static int take_text(struct reading *reading, const struct field *field, struct slice encoded, bool is_path)
{
    char text[PARAM_BYTES_MAX];
    size_t len = 0;
    struct json *value = NULL;
    int result = is_path ? query_decode_path(encoded, text, sizeof(text), &len)
                         : query_decode(encoded, text, sizeof(text), &len);
    if (result == QUERY_BAD_ESCAPE) {
        fault_set(reading->fault, 400, "escape", "a %% must be followed by two hexadecimal digits");
        return PARAMETERS_REFUSED;
    }
    if (result != 0) {
        fault_set(reading->fault, 422, field->name, "%s is too long", field->name);
        return PARAMETERS_REFUSED;
    }
    result = field_from_text(field, (struct slice){text, len}, &value, reading->fault);
    return result == 0 ? put(reading, field, value) : result;
}

// A path segment that is not what its field says names nothing: 404, not 422.
static int read_path(struct reading *reading, const struct route_match *match)
{
    for (size_t i = 0; i < ROUTE_CAPTURES_MAX && match->captures[i].len > 0; i++) {
        struct slice name = route_capture_name(match->route, i);
        const struct field *field = field_find(match->route, FIELD_PATH, name);
        int result = take_text(reading, field, match->captures[i], true);
        if (result > 0)
            fault_set(reading->fault, 404, "not_found", "there is nothing with this number");
        if (result != 0)
            return result;
    }
    return 0;
}

static int read_query(struct reading *reading, struct slice text)
{
    struct query query;
    struct query_param param;
    int result;
    query_start(&query, text);
    while ((result = query_next(&query, &param)) == 0) {
        char name[PARAM_NAME_BYTES_MAX];
        size_t len = 0;
        if (query_decode(param.name, name, sizeof(name), &len) != 0)
            return unknown(reading->fault, param.name);
        const struct field *field = field_find(reading->route, FIELD_QUERY, (struct slice){name, len});
        if (!field)
            return unknown(reading->fault, (struct slice){name, len});
        if (json_get(reading->params, field->name)) {
            fault_set(reading->fault, 422, "duplicate_parameter", "%s is given twice", field->name);
            return PARAMETERS_REFUSED;
        }
        result = take_text(reading, field, param.value, false);
        if (result != 0)
            return result;
    }
    if (result == QUERY_END)
        return 0;
    fault_set(reading->fault, 422, "unknown_parameter", "there are too many parameters");
    return PARAMETERS_REFUSED;
}

static int take_member(void *ctx, const char *name, const struct json *json)
{
    struct reading *reading = ctx;
    struct json *value = NULL;
    const struct field *field = field_find(reading->route, FIELD_BODY, slice_of(name));
    if (!field)
        return unknown(reading->fault, slice_of(name));
    int result = field_from_json(field, json, &value, reading->fault);
    return result == 0 && value ? put(reading, field, value) : result;
}

static bool is_json_type(struct slice type)
{
    struct slice json = SLICE("application/json");
    if (type.len < json.len || strncasecmp(type.data, json.data, json.len) != 0)
        return false;
    return type.len == json.len || type.data[json.len] == ';' || type.data[json.len] == ' ';
}

static int put_all(struct reading *reading, const struct image *image, struct slice content)
{
    char *text = malloc(sodium_base64_encoded_len(content.len, sodium_base64_VARIANT_ORIGINAL));
    struct json *params = reading->params;
    if (!text)
        return -ENOMEM;
    sodium_bin2base64(text, sodium_base64_encoded_len(content.len, sodium_base64_VARIANT_ORIGINAL),
                      (const unsigned char *)content.data, content.len, sodium_base64_VARIANT_ORIGINAL);
    bool whole = json_put_text(params, "media_type", slice_of(image_media_type(image->format))) &&
                 json_put_text(params, "extension", slice_of(image_extension(image->format))) &&
                 json_put(params, "width", json_whole(image->width)) &&
                 json_put(params, "height", json_whole(image->height)) &&
                 json_put_text(params, "content", slice_of(text));
    free(text);
    return whole ? 0 : -ENOMEM;
}

static int read_image(struct reading *reading, const struct http_request *request)
{
    struct image image;
    int result = image_measure(request->body, &image);
    if (result == 0)
        return put_all(reading, &image, request->body);
    if (result == IMAGE_UNKNOWN)
        fault_set(reading->fault, 415, "image", "the body must be a PNG, JPEG, GIF or WebP image");
    else if (result == IMAGE_BROKEN)
        fault_set(reading->fault, 422, "image", "the image is not whole");
    else
        fault_set(reading->fault, 422, "image", "the image must be 1 to %d pixels wide and high",
                  IMAGE_SIDE_MAX);
    return PARAMETERS_REFUSED;
}

static int read_body(struct reading *reading, const struct http_request *request)
{
    char error[JSON_ERROR_BYTES];
    struct json *body = NULL;
    struct slice type = http_request_header(request, SLICE("Content-Type"));
    if (request->body.len == 0)
        return 0;
    if (reading->route->method == HTTP_GET) {
        fault_set(reading->fault, 400, "body", "a GET request has no body");
        return PARAMETERS_REFUSED;
    }
    if (type.data && !is_json_type(type)) {
        fault_set(reading->fault, 415, "content_type", "the body must be application/json");
        return PARAMETERS_REFUSED;
    }
    int result = json_parse(&body, request->body, error);
    if (result == JSON_MALFORMED) {
        fault_set(reading->fault, 400, "json", "the body is not a JSON object: %s", error);
        return PARAMETERS_REFUSED;
    }
    if (result == 0)
        result = json_each(body, take_member, reading);
    json_free(body);
    return result;
}

static int check_needed(struct reading *reading)
{
    for (size_t i = 0; i < reading->route->n_fields; i++) {
        const struct field *field = &reading->route->fields[i];
        if (field->needed && !json_get(reading->params, field->name)) {
            fault_set(reading->fault, 422, field->name, "%s is missing", field->name);
            return PARAMETERS_REFUSED;
        }
    }
    return 0;
}

bool parameters_ask_csv(const struct json *params)
{
    const struct json *format = json_get(params, route_format.name);
    return format && slice_equal(json_text_of(format), SLICE("csv"));
}

// CSV is the whole list.
static int check_format(const struct reading *reading)
{
    static const char *const of_pages[] = {"limit", "cursor", "compare"};
    for (size_t i = 0; i < array_length(of_pages) && parameters_ask_csv(reading->params); i++) {
        if (json_get(reading->params, of_pages[i])) {
            fault_set(reading->fault, 422, of_pages[i], "CSV is one whole list: it takes no %s", of_pages[i]);
            return PARAMETERS_REFUSED;
        }
    }
    return 0;
}

int parameters_read(const struct route_match *match, const struct http_request *request, struct json **out,
                    struct fault *fault)
{
    struct reading reading = {.route = match->route, .params = json_map(), .fault = fault};
    if (!reading.params)
        return -ENOMEM;
    int result = read_path(&reading, match);
    if (result == 0)
        result = read_query(&reading, request->query);
    if (result == 0)
        result = match->route->takes_image ? read_image(&reading, request) : read_body(&reading, request);
    if (result == 0)
        result = check_needed(&reading);
    if (result == 0)
        result = check_format(&reading);
    if (result == 0)
        *out = reading.params;
    else
        json_free(reading.params);
    return result;
}
