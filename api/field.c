// Checks of single parameters by their field's type and limits. Pure. Invariants: what passes has the JSON
// type that its SQL function expects, holds no control character and is as long as the table may keep it.
// Times leave in one form, so that PostgreSQL reads nothing that we did not.

#include "api/field.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"

#define WHOLE_DIGITS_MAX 19
#define UUID_CHARS       36
#define DAY_CHARS        10

static int refuse(const struct field *field, struct fault *fault, const char *what)
{
    fault_set(fault, 422, field->name, "%s %s", field->name, what);
    return FIELD_REFUSED;
}

static int refuse_length(const struct field *field, struct fault *fault, const char *of)
{
    fault_set(fault, 422, field->name, "%s must be %lld to %lld %s", field->name, (long long)field->min,
              (long long)field->max, of);
    return FIELD_REFUSED;
}

static int passed(struct json *json, struct json **out)
{
    *out = json;
    return json ? 0 : -ENOMEM;
}

static int whole_check(const struct field *field, int64_t value, struct json **out, struct fault *fault)
{
    if (value >= field->min && value <= field->max)
        return passed(json_whole(value), out);
    fault_set(fault, 422, field->name, "%s must be from %lld to %lld", field->name, (long long)field->min,
              (long long)field->max);
    return FIELD_REFUSED;
}

// Digits only: no sign, no blank, no hexadecimal.
static int whole_from_text(const struct field *field, struct slice text, struct json **out,
                           struct fault *fault)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > WHOLE_DIGITS_MAX)
        return refuse(field, fault, "must be a number");
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return refuse(field, fault, "must be a number");
        value = value * 10 + (uint64_t)(text.data[i] - '0'); // 19 digits fit
    }
    return whole_check(field, value > INT64_MAX ? INT64_MAX : (int64_t)value, out, fault);
}

static bool length_fits(const struct field *field, size_t length)
{
    return length <= (size_t)field->max && length >= (size_t)field->min;
}

static int text_check(const struct field *field, struct slice text, struct json **out, struct fault *fault)
{
    size_t characters = 0;
    for (size_t i = 0; i < text.len; i++)
        characters += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    if (!utf8_printable(text))
        return refuse(field, fault, "must be UTF-8 without control characters");
    if (!length_fits(field, characters))
        return refuse_length(field, fault, "characters");
    return passed(json_text(text), out);
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alphanumeric(char c)
{
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool char_fits(enum field_type type, char c, bool first)
{
    if (type == FIELD_HEX)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (type == FIELD_CODE)
        return is_lower_or_digit(c) || (!first && (c == '_' || c == '-'));
    if (type == FIELD_ZONE)
        return is_alphanumeric(c) || (!first && strchr("/_+-", c));
    return is_alphanumeric(c) || c == '_' || c == '-';
}

static int token_check(const struct field *field, struct slice text, struct json **out, struct fault *fault)
{
    static const char *const alphabets[] = {[FIELD_TOKEN] = "of A-Z a-z 0-9 _ -",
                                            [FIELD_CODE] = "of a-z 0-9 _ -, beginning with a letter or digit",
                                            [FIELD_HEX] = "of 0-9 a-f",
                                            [FIELD_ZONE] = "of a time zone's name such as Europe/Moscow"};
    bool good = length_fits(field, text.len);
    for (size_t i = 0; i < text.len && good; i++)
        good = text.data[i] != 0 && char_fits(field->type, text.data[i], i == 0);
    return good ? passed(json_text(text), out) : refuse_length(field, fault, alphabets[field->type]);
}

static int choice_check(const struct field *field, struct slice text, struct json **out, struct fault *fault)
{
    for (const char *at = field->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        if (slice_equal((struct slice){at, strcspn(at, "|")}, text))
            return passed(json_text(text), out);
    }
    fault_set(fault, 422, field->name, "%s must be one of %s", field->name, field->choices);
    return FIELD_REFUSED;
}

static int time_check(const struct field *field, struct slice text, struct json **out, struct fault *fault)
{
    int64_t unix_ms;
    char form[CLOCK_TEXT_BYTES];
    if (clock_parse(text, &unix_ms) != 0)
        return refuse(field, fault, "must be a time in ISO 8601 with its zone, such as 2026-01-02T03:04:05Z");
    return passed(json_text((struct slice){form, clock_format(unix_ms, form)}), out);
}

static bool is_day(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 4 || i == 7;
        if (dash ? text.data[i] != '-' : text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.len == DAY_CHARS;
}

// A day is a day of the calendar if its midnight is a time.
static int moment_check(const struct field *field, struct slice text, struct json **out, struct fault *fault)
{
    char midnight[DAY_CHARS + sizeof("T00:00:00Z")];
    int64_t unix_ms;
    if (!is_day(text))
        return time_check(field, text, out, fault);
    snprintf(midnight, sizeof(midnight), "%.*sT00:00:00Z", DAY_CHARS, text.data);
    if (clock_parse(slice_of(midnight), &unix_ms) != 0)
        return refuse(field, fault, "must be a day of the calendar from 1970 on");
    return passed(json_text(text), out);
}

static int uuid_check(const struct field *field, struct slice text, struct json **out, struct fault *fault)
{
    bool good = text.len == UUID_CHARS;
    for (size_t i = 0; i < text.len && good; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        good = dash ? text.data[i] == '-' : char_fits(FIELD_HEX, text.data[i], false);
    }
    return good ? passed(json_text(text), out) : refuse(field, fault, "must be a UUID in lower case");
}

int field_from_text(const struct field *field, struct slice text, struct json **out, struct fault *fault)
{
    switch (field->type) {
    case FIELD_WHOLE:
        return whole_from_text(field, text, out, fault);
    case FIELD_TEXT:
        return text_check(field, text, out, fault);
    case FIELD_TOKEN:
    case FIELD_CODE:
    case FIELD_HEX:
    case FIELD_ZONE:
        return token_check(field, text, out, fault);
    case FIELD_CHOICE:
        return choice_check(field, text, out, fault);
    case FIELD_TRUTH:
        if (slice_equal(text, SLICE("true")) || slice_equal(text, SLICE("false")))
            return passed(json_truth(text.len == 4), out);
        return refuse(field, fault, "must be true or false");
    case FIELD_TIME:
        return time_check(field, text, out, fault);
    case FIELD_MOMENT:
        return moment_check(field, text, out, fault);
    case FIELD_UUID:
        return uuid_check(field, text, out, fault);
    case FIELD_TEXTS:
    case FIELD_MAP:
    case FIELD_LIST:
    case FIELD_IDS:
        break;
    }
    return refuse(field, fault, "belongs in the body");
}

static bool is_printable_text(const struct json *json)
{
    return json_kind(json) == JSON_TEXT && utf8_printable(json_text_of(json));
}

static bool is_map(const struct json *json)
{
    return json_kind(json) == JSON_MAP;
}

static bool is_id(const struct json *json)
{
    return json_kind(json) == JSON_WHOLE && json_whole_of(json) > 0;
}

static int list_check(const struct field *field, const struct json *json, bool (*fits)(const struct json *),
                      const char *of, struct json **out, struct fault *fault)
{
    bool good = json_kind(json) == JSON_LIST && length_fits(field, json_length(json));
    for (size_t i = 0; good && i < json_length(json); i++)
        good = fits(json_at(json, i));
    if (good)
        return passed(json_share(json), out);
    fault_set(fault, 422, field->name, "%s must be a list of %lld to %lld %s", field->name,
              (long long)field->min, (long long)field->max, of);
    return FIELD_REFUSED;
}

int field_from_json(const struct field *field, const struct json *json, struct json **out,
                    struct fault *fault)
{
    enum json_kind kind = json_kind(json);
    *out = NULL;
    if (kind == JSON_NOTHING)
        return field->clearable ? passed(json_share(json), out) : 0;
    if (field->type == FIELD_WHOLE)
        return kind == JSON_WHOLE ? whole_check(field, json_whole_of(json), out, fault)
                                  : refuse(field, fault, "must be an integer");
    if (field->type == FIELD_TRUTH)
        return kind == JSON_TRUTH ? passed(json_share(json), out)
                                  : refuse(field, fault, "must be true or false");
    if (field->type == FIELD_TEXTS)
        return list_check(field, json, is_printable_text, "texts", out, fault);
    if (field->type == FIELD_LIST)
        return list_check(field, json, is_map, "objects", out, fault);
    if (field->type == FIELD_IDS)
        return list_check(field, json, is_id, "numbers from 1 on", out, fault);
    if (field->type == FIELD_MAP) {
        if (kind != JSON_MAP || json_length(json) > (size_t)field->max)
            return refuse(field, fault, "must be an object, and not too long");
        return passed(json_share(json), out);
    }
    return kind == JSON_TEXT ? field_from_text(field, json_text_of(json), out, fault)
                             : refuse(field, fault, "must be a text");
}
