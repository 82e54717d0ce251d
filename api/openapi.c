// OpenAPI 3.1 from the table of routes: paths, parameters with types, limits and examples, bodies, statuses,
// the members of answers and of a list's items. Pure. What is in these is described in docs: PostgreSQL makes
// it.

#include "api/openapi.h"

#include <stdio.h>

#include "api/example.h"
#include "api/route.h"
#include "base/json.h"

#define MEMBER_BYTES 64 // a longer name is cut, which the tests of answers see

// An incomplete document is found at the end, in one place.
static bool incomplete;

static void put(struct json *map, const char *name, struct json *value)
{
    incomplete |= !json_put(map, name, value);
}

static void put_text(struct json *map, const char *name, const char *text)
{
    put(map, name, json_text(slice_of(text)));
}

static struct json *choices_list(const char *choices)
{
    struct json *list = json_list();
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        incomplete |= !json_add(list, json_text((struct slice){at, strcspn(at, "|")}));
    return list;
}

static void put_pattern(struct json *schema, const struct field *field, const char *pattern)
{
    put_text(schema, "type", "string");
    put_text(schema, "pattern", pattern);
    put(schema, "minLength", json_whole(field->min));
    put(schema, "maxLength", json_whole(field->max));
}

static struct json *object_schema(void)
{
    struct json *schema = json_map();
    put_text(schema, "type", "object");
    return schema;
}

static void put_whole(struct json *schema, int64_t min, int64_t max)
{
    put_text(schema, "type", "integer");
    put_text(schema, "format", "int64");
    put(schema, "minimum", json_whole(min));
    put(schema, "maximum", json_whole(max));
}

// One of the two, whatever the words say of the type.
static struct json *formats(const char *one, const char *other)
{
    struct json *list = json_list(), *first = json_map(), *second = json_map();
    put_text(first, "format", one);
    put_text(second, "format", other);
    incomplete |= !json_add(list, first) || !json_add(list, second);
    return list;
}

static struct json *string_schema(void)
{
    struct json *schema = json_map();
    put_text(schema, "type", "string");
    return schema;
}

static struct json *id_schema(void)
{
    struct json *schema = json_map();
    put_whole(schema, 1, INT64_MAX);
    return schema;
}

static void put_list(struct json *schema, const struct field *field, struct json *items)
{
    put_text(schema, "type", "array");
    put(schema, "minItems", json_whole(field->min));
    put(schema, "maxItems", json_whole(field->max));
    put(schema, "items", items);
}

static void put_type(struct json *schema, const struct field *field)
{
    switch (field->type) {
    case FIELD_WHOLE:
        put_whole(schema, field->min, field->max);
        return;
    case FIELD_TEXT:
        put_pattern(schema, field, "^[^\\x00-\\x1F\\x7F]*$");
        return;
    case FIELD_TOKEN:
        put_pattern(schema, field, "^[A-Za-z0-9_-]*$");
        return;
    case FIELD_CODE:
        put_pattern(schema, field, "^[a-z0-9][a-z0-9_-]*$");
        return;
    case FIELD_HEX:
        put_pattern(schema, field, "^[0-9a-f]*$");
        return;
    case FIELD_ZONE:
        put_pattern(schema, field, "^[A-Za-z0-9][A-Za-z0-9/_+-]*$");
        return;
    case FIELD_CHOICE:
        put_text(schema, "type", "string");
        put(schema, "enum", choices_list(field->choices));
        return;
    case FIELD_TRUTH:
        put_text(schema, "type", "boolean");
        return;
    case FIELD_TIME:
        put_text(schema, "type", "string");
        put_text(schema, "format", "date-time");
        return;
    case FIELD_MOMENT:
        put_text(schema, "type", "string");
        put(schema, "anyOf", formats("date", "date-time"));
        return;
    case FIELD_UUID:
        put_text(schema, "type", "string");
        put_text(schema, "format", "uuid");
        return;
    case FIELD_TEXTS:
        put_list(schema, field, string_schema());
        return;
    case FIELD_LIST:
        put_list(schema, field, object_schema());
        return;
    case FIELD_IDS:
        put_list(schema, field, id_schema());
        return;
    case FIELD_MAP:
        put_text(schema, "type", "object");
        put(schema, "maxProperties", json_whole(field->max));
        return;
    }
}

static struct json *schema_of(const struct field *field)
{
    struct json *schema = json_map(), *examples = json_list();
    put_type(schema, field);
    incomplete |= !json_add(examples, example_of(field));
    put(schema, "examples", examples);
    if (field->clearable) {
        struct json *types = json_list();
        incomplete |= !json_add(types, json_share(json_get(schema, "type"))) ||
                      !json_add(types, json_text(SLICE("null")));
        put(schema, "type", types);
    }
    return schema;
}

static struct json *parameter(const char *name, const char *place, bool needed, const char *help,
                              struct json *schema)
{
    struct json *json = json_map();
    put_text(json, "name", name);
    put_text(json, "in", place);
    put(json, "required", json_truth(needed));
    put_text(json, "description", help);
    put(json, "schema", schema);
    return json;
}

static struct json *parameter_of(const struct field *field)
{
    const char *place = field->place == FIELD_PATH ? "path" : "query";
    return parameter(field->name, place, field->needed, field->help, schema_of(field));
}

static struct json *idempotency_parameter(void)
{
    struct json *schema = json_map();
    put_text(schema, "type", "string");
    put(schema, "maxLength", json_whole(200));
    return parameter("Idempotency-Key", "header", false,
                     "the same key with the same request gets the same answer, with another one 409", schema);
}

static struct json *parameters_of(const struct route *route)
{
    struct json *list = json_list();
    for (size_t i = 0; i < route->n_fields; i++) {
        const struct field *field = &route->fields[i];
        if (field->place != FIELD_BODY)
            incomplete |= !json_add(list, parameter_of(field));
    }
    if (route->csv)
        incomplete |= !json_add(list, parameter_of(&route_format));
    if (route->method == HTTP_POST)
        incomplete |= !json_add(list, idempotency_parameter());
    return list;
}

static struct json *body_schema(const struct route *route)
{
    struct json *schema = json_map(), *properties = json_map(), *needed = json_list();
    for (size_t i = 0; i < route->n_fields; i++) {
        const struct field *field = &route->fields[i];
        if (field->place != FIELD_BODY)
            continue;
        struct json *property = schema_of(field);
        put_text(property, "description", field->help);
        put(properties, field->name, property);
        if (field->needed)
            incomplete |= !json_add(needed, json_text(slice_of(field->name)));
    }
    put_text(schema, "type", "object");
    put(schema, "additionalProperties", json_truth(false));
    put(schema, "properties", properties);
    if (json_length(needed) > 0)
        put(schema, "required", needed);
    else
        json_free(needed);
    return schema;
}

static struct json *image_content(void)
{
    struct json *content = json_map(), *type = json_map(), *schema = json_map();
    put_text(schema, "type", "string");
    put_text(schema, "format", "binary");
    put(type, "schema", schema);
    put(content, "image/*", type);
    return content;
}

static void put_content(struct json *content, const char *media_type, struct json *schema)
{
    struct json *type = json_map();
    put(type, "schema", schema);
    put(content, media_type, type);
}

static struct json *content_of(struct json *schema)
{
    struct json *content = json_map();
    put_content(content, "application/json", schema);
    return content;
}

static struct json *body_content(const struct route *route)
{
    struct json *content = json_map(), *type = json_map();
    put(type, "schema", body_schema(route));
    put(type, "example", example_body(route));
    put(content, "application/json", type);
    return content;
}

// A file of rows.
static struct json *rows_content(void)
{
    struct json *content = json_map();
    put_content(content, "text/csv", string_schema());
    put_content(content, "application/x-ndjson", string_schema());
    return content;
}

static struct json *response(const char *description, struct json *content)
{
    struct json *json = json_map();
    put_text(json, "description", description);
    put(json, "content", content);
    return json;
}

static struct json *reference(const char *to)
{
    struct json *json = json_map();
    put_text(json, "$ref", to);
    return json;
}

static bool ends_with(struct slice text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.data + text.len - len, end, len) == 0;
}

// By the words that a name ends with; any value where it says nothing.
static struct json *member_schema(struct slice name)
{
    const char *type = ends_with(name, "_minor") || ends_with(name, "_ppm") ? "integer"
                       : ends_with(name, "_at")                             ? "string"
                                                                            : NULL;
    struct json *schema = json_map(), *types = type ? json_list() : NULL;
    if (!type)
        return schema;
    incomplete |= !json_add(types, json_text(slice_of(type))) || !json_add(types, json_text(SLICE("null")));
    put(schema, "type", types);
    if (ends_with(name, "_at"))
        put_text(schema, "format", "date-time");
    return schema;
}

// An object with these members. What a report is grouped by is a member of that name, and its currency may be
// the programme's.
static struct json *members_schema(const char *names)
{
    char name[MEMBER_BYTES];
    struct json *schema = object_schema(), *properties = json_map(), *needed = json_list();
    for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
        if (strcmp(name, "group_by") == 0)
            continue;
        put(properties, name, member_schema(slice_of(name)));
        if (strcmp(name, "currency") != 0)
            incomplete |= !json_add(needed, json_text(slice_of(name)));
    }
    put(schema, "properties", properties);
    put(schema, "required", needed);
    return schema;
}

// Of a list, as JSON and as CSV.
static struct json *list_content(const struct route *route)
{
    struct json *list = reference("#/components/schemas/List"), *data = json_map(), *properties = json_map();
    put_text(data, "type", "array");
    put(data, "items", members_schema(route->csv));
    put(properties, "data", data);
    put(list, "properties", properties);
    struct json *content = content_of(list), *schema = string_schema();
    put_text(schema, "description", route->csv);
    put_content(content, "text/csv", schema);
    return content;
}

static struct json *error_schema(void)
{
    return reference("#/components/schemas/Error");
}

static struct json *responses_of(const struct route *route)
{
    char status[12];
    struct json *json = json_map();
    snprintf(status, sizeof(status), "%u", route->status);
    struct json *content = route->csv             ? list_content(route)
                           : route->answers_image ? image_content()
                                                  : content_of(members_schema(route->answer));
    put(json, status, response(route->help, content));
    put(json, "429", reference("#/components/responses/Wait"));
    put(json, "503", reference("#/components/responses/Wait"));
    put(json, "default", response("Refused or failed", content_of(error_schema())));
    return json;
}

static struct json *operation_of(const struct route *route)
{
    struct json *json = json_map(), *body;
    put_text(json, "operationId", route->function);
    put_text(json, "summary", route->help);
    put_text(json, "x-asker", route_asker_name(route->asker));
    put(json, "parameters", parameters_of(route));
    if (route->asker == ROUTE_OPEN)
        put(json, "security", json_list());
    if (route->method != HTTP_GET) {
        body = json_map();
        put(body, "content",
            route->takes_image  ? image_content()
            : route->takes_rows ? rows_content()
                                : body_content(route));
        put(json, "requestBody", body);
    }
    put(json, "responses", responses_of(route));
    return json;
}

static const char *method_name(enum http_method method)
{
    return method == HTTP_GET ? "get" : method == HTTP_POST ? "post" : "patch";
}

static struct json *paths_object(void)
{
    struct json *paths = json_map();
    for (const struct route *route = route_next(NULL); route; route = route_next(route)) {
        struct json *path = (struct json *)json_get(paths, route->path);
        if (!path) {
            path = json_map();
            put(paths, route->path, path);
        }
        put(path, method_name(route->method), operation_of(route));
    }
    return paths;
}

static struct json *components_object(void)
{
    static const char shapes[] =
        "{\"securitySchemes\": {\"key\": {\"type\": \"http\", \"scheme\": \"bearer\"},"
        " \"session\": {\"type\": \"apiKey\", \"in\": \"cookie\", \"name\": \"__Host-cl_session\","
        " \"description\": \"of a login; what changes something also needs X-CSRF-Token\"}},"
        " \"responses\": {\"Wait\": {\"description\": \"Too much at once, or the database is away\","
        " \"headers\": {\"Retry-After\": {\"description\": \"seconds\", \"schema\": {\"type\": "
        "\"integer\"}}},"
        " \"content\": {\"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/Error\"}}}}},"
        " \"schemas\": {\"List\": {\"type\": \"object\", \"required\": [\"data\"], \"properties\":"
        " {\"data\": {\"type\": \"array\", \"items\": {\"type\": \"object\"}},"
        " \"next_cursor\": {\"type\": [\"string\", \"null\"]}}},"
        " \"Error\": {\"type\": \"object\", \"required\": [\"error\"], \"properties\": "
        "{\"error\":"
        " {\"type\": \"object\", \"required\": [\"code\", \"message\"], \"properties\":"
        " {\"code\": {\"type\": \"string\"}, \"message\": {\"type\": \"string\"}}}}}}}";
    char error[JSON_ERROR_BYTES];
    struct json *components = NULL;
    incomplete |= json_parse(&components, slice_of(shapes), error) != 0;
    return components;
}

char *openapi_print(const char *version)
{
    static const char description[] =
        "Money is in integer minor units with its currency, times are ISO 8601 in UTC, rates are parts per "
        "million. "
        "Lists go from the newest to the oldest and are read on with next_cursor.";
    struct json *document = json_map(), *info = json_map(), *security = json_list(), *scheme = json_map(),
                *session = json_map();
    char *text = NULL;
    incomplete = false;
    put_text(info, "title", "Clickledger");
    put_text(info, "version", version);
    put_text(info, "description", description);
    put(scheme, "key", json_list());
    put(session, "session", json_list());
    incomplete |= !json_add(security, scheme) || !json_add(security, session);
    put_text(document, "openapi", "3.1.0");
    put(document, "info", info);
    put(document, "security", security);
    put(document, "paths", paths_object());
    put(document, "components", components_object());
    if (!incomplete)
        text = json_print(document);
    json_free(document);
    return text;
}
