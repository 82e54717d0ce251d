// Examples by the name of a parameter, so that it has the same one wherever it stands. What is not in the
// table has one by its type.

#include "api/example.h"

#include <stdio.h>

// clang-format off
static const struct {
    const char *name;
    enum field_type type;
    const char *json;
    bool in_path;
} examples[] = {
    {"name", FIELD_TEXT, "\"1-0123456789abcdef.png\"", true},
    {"name", FIELD_TEXT, "\"Anna\""},
    {"name", FIELD_CODE, "\"gold\""},
    {"aliases", FIELD_MAP, "{\"tid\": \"order_id\"}"},
    {"amount_minor", FIELD_WHOLE, "500"},
    {"category", FIELD_TEXT, "\"shoes\""},
    {"code", FIELD_CODE, "\"shop\""},
    {"code", FIELD_TOKEN, "\"ANNA10\""},
    {"code_ppm", FIELD_WHOLE, "500000"},
    {"codes", FIELD_TEXTS, "[\"SPRING10\"]"},
    {"cookie_domain", FIELD_TEXT, "\"shop.example\""},
    {"cookie_hosts", FIELD_TEXTS, "[\"go.shop.example\"]"},
    {"currency", FIELD_TOKEN, "\"EUR\""},
    {"cursor", FIELD_HEX, "\"3432\""},
    {"customer", FIELD_TEXT, "\"customer-7\""},
    {"email", FIELD_TEXT, "\"ann@example.org\""},
    {"erid", FIELD_TOKEN, "\"2Vtzqx\""},
    {"events", FIELD_TEXTS, "[\"approved\"]"},
    {"fallback_url", FIELD_TEXT, "\"https://shop.example/\""},
    {"first_ppm", FIELD_WHOLE, "400000"},
    {"fixed_minor", FIELD_WHOLE, "500"},
    {"from_currency", FIELD_TEXT, "\"USD\""},
    {"hosts", FIELD_TEXTS, "[\"shop.example\"]"},
    {"key", FIELD_TOKEN, "\"gift-1\""},
    {"last_ppm", FIELD_WHOLE, "400000"},
    {"message", FIELD_TEXT, "\"I write about shoes.\""},
    {"min_minor", FIELD_WHOLE, "100000"},
    {"month", FIELD_TOKEN, "\"2026-01\""},
    {"new", FIELD_TEXT, "\"a longer horse battery\""},
    {"note", FIELD_TEXT, "\"the bank called\""},
    {"object", FIELD_CODE, "\"link\""},
    {"object_id", FIELD_TEXT, "\"1\""},
    {"old", FIELD_TEXT, "\"correct horse battery\""},
    {"order_id", FIELD_TEXT, "\"A-1001\""},
    {"parameters", FIELD_MAP, "{\"sub1\": \"blog\"}"},
    {"partner_group", FIELD_CODE, "\"gold\""},
    {"password", FIELD_TEXT, "\"correct horse battery\""},
    {"prefix", FIELD_TOKEN, "\"SPRING-\""},
    {"product", FIELD_TEXT, "\"shoes-7\""},
    {"rate", FIELD_TEXT, "\"0.9215\""},
    {"rate_ppm", FIELD_WHOLE, "100000"},
    {"reason", FIELD_CODE, "\"fraud_card\""},
    {"reason", FIELD_TEXT, "\"a wrong account\""},
    {"reference", FIELD_TEXT, "\"transfer 4711\""},
    {"site", FIELD_TEXT, "\"https://blog.example/\""},
    {"slug", FIELD_TOKEN, "\"anna-blog\""},
    {"source", FIELD_TEXT, "\"ECB\""},
    {"statuses", FIELD_MAP, "{\"billed\": \"approved\"}"},
    {"target_url", FIELD_TEXT, "\"https://shop.example/shoes\""},
    {"text", FIELD_TEXT, "\"Spring sale\""},
    {"to_currency", FIELD_TEXT, "\"EUR\""},
    {"token", FIELD_TOKEN, "\"0123456789abcdef0123456789abcdef01234567\""},
    {"url", FIELD_TEXT, "\"https://tracker.example/?id={click_id}&sum={payout}\""},
};
// clang-format on

static const char *example_text(const struct field *field)
{
    for (size_t i = 0; i < array_length(examples); i++) {
        if (examples[i].type == field->type && strcmp(examples[i].name, field->name) == 0 &&
            (!examples[i].in_path || field->place == FIELD_PATH))
            return examples[i].json;
    }
    return NULL;
}

static struct json *parsed(const char *text)
{
    char map[256], error[JSON_ERROR_BYTES];
    struct json *json = NULL;
    snprintf(map, sizeof(map), "{\"value\": %s}", text);
    if (json_parse(&json, slice_of(map), error) != 0)
        return NULL;
    struct json *value = json_share(json_get(json, "value"));
    json_free(json);
    return value;
}

static struct json *example_by_type(const struct field *field)
{
    switch (field->type) {
    case FIELD_WHOLE:
        return json_whole(max_of(field->min, min_of(field->max, INT64_C(1))));
    case FIELD_CHOICE:
        return json_text((struct slice){field->choices, strcspn(field->choices, "|")});
    case FIELD_TRUTH:
        return json_truth(true);
    case FIELD_TIME:
        return json_text(SLICE("2026-01-01T00:00:00Z"));
    case FIELD_MOMENT:
        return json_text(SLICE("2026-01-01"));
    case FIELD_ZONE:
        return json_text(SLICE("Europe/Moscow"));
    case FIELD_UUID:
        return json_text(SLICE("018cc251-f400-7000-8000-000000000000"));
    case FIELD_IDS:
        return parsed("[1]");
    case FIELD_LIST:
        return json_list();
    case FIELD_TEXT:
    case FIELD_TOKEN:
    case FIELD_CODE:
    case FIELD_HEX:
    case FIELD_TEXTS:
    case FIELD_MAP:
        break;
    }
    return NULL;
}

struct json *example_of(const struct field *field)
{
    const char *text = example_text(field);
    return text ? parsed(text) : example_by_type(field);
}

struct json *example_body(const struct route *route)
{
    struct json *body = json_map();
    bool whole = true;
    for (size_t i = 0; i < route->n_fields && whole; i++) {
        const struct field *field = &route->fields[i];
        if (field->place == FIELD_BODY && field->needed)
            whole = json_put(body, field->name, example_of(field));
    }
    return whole ? body : json_free(body);
}
