// Finds the parameters that are ours under the names that an integration has for them. Pure. A parameter that
// is not ours is ignored, one that is given twice is a fault, in query and body together. Bounded by
// QUERY_PARAMS_MAX and JSON_MEMBERS_MAX.

#include "base/report_params.h"

#include <errno.h>

#include "base/json_members.h"
#include "base/query.h"
#include "base/sub_id.h"
#include "base/utf8.h"

#define NAME_BYTES_MAX 64

enum encoding {
    ENCODING_FORM,
    ENCODING_JSON,
    ENCODING_NONE, // a number of JSON
    ENCODING_LIST, // a list of JSON
};

struct param {
    struct slice name, value; // as sent
    enum encoding name_encoding, value_encoding;
};

struct reading {
    const struct report_input *input;
    struct scratch *scratch;
    struct slice *field;
    enum hit_reason *fault;
};

struct known {
    struct slice name;
    enum hit_field field;
    size_t bytes_max;
};

// click_id, event_time and lines stand in their fields as sent until they are read.
#define KNOWN(text, field, max)                                                                              \
    {                                                                                                        \
        {text, sizeof(text) - 1}, field, max                                                                 \
    }

static const struct known known[] = {
    KNOWN("click_id", HIT_REPORT_CLICK_ID, REPORT_ID_MAX),
    KNOWN("order_id", HIT_REPORT_ORDER_ID, REPORT_ID_MAX),
    KNOWN("kind", HIT_REPORT_KIND, REPORT_ID_MAX),
    KNOWN("status", HIT_REPORT_STATUS, REPORT_ID_MAX),
    KNOWN("amount", HIT_REPORT_AMOUNT, REPORT_ID_MAX),
    KNOWN("currency", HIT_REPORT_CURRENCY, REPORT_ID_MAX),
    KNOWN("promo", HIT_PROMO, REPORT_ID_MAX),
    KNOWN("product", HIT_REPORT_PRODUCT, REPORT_TEXT_MAX),
    KNOWN("customer", HIT_REPORT_CUSTOMER, REPORT_TEXT_MAX),
    KNOWN("event_time", HIT_REPORT_EVENT_TIME, REPORT_ID_MAX),
    KNOWN("event_id", HIT_REPORT_EVENT_ID, REPORT_ID_MAX),
    KNOWN("lines", HIT_REPORT_LINES, 0),
};

static void fault_note(const struct reading *reading, enum hit_reason reason)
{
    if (*reading->fault == HIT_REASON_NONE)
        *reading->fault = reason;
}

// The field of a parameter, 0 for one that is not ours.
static enum hit_field field_find(struct slice name, const struct catalog_integration *integration,
                                 size_t *max)
{
    struct slice alias = integration ? catalog_integration_alias(integration, name) : SLICE_NONE;

    if (alias.data)
        name = alias;
    for (size_t i = 0; i < array_length(known); i++)
        if (slice_equal(known[i].name, name)) {
            *max = known[i].bytes_max;
            return known[i].field;
        }
    *max = REPORT_TEXT_MAX;
    return sub_id_field(name);
}

// 0, -ENOSPC or a condition of the encoding.
static int text_decode(enum encoding encoding, struct slice text, char *out, size_t room, size_t *len)
{
    switch (encoding) {
    case ENCODING_FORM:
        return query_decode(text, out, room, len);
    case ENCODING_JSON:
        return json_text_decode(text, out, room, len);
    case ENCODING_NONE:
    case ENCODING_LIST:
        break;
    }
    if (text.len > room)
        return -ENOSPC;
    *len = text.len;
    memcpy(out, text.data, text.len);
    return 0;
}

static enum hit_reason value_read(const struct param *param, size_t max, struct scratch *scratch,
                                  struct slice *out)
{
    size_t len, room = min_of(param->value.len, scratch_left(scratch));
    char *data = scratch_take(scratch, room);

    int r = text_decode(param->value_encoding, param->value, data, room, &len);
    if (r > 0)
        return HIT_REASON_UTF8_INVALID;
    if (r != 0 || len > max)
        return HIT_REASON_PARAMETER_TOO_LONG;
    *out = (struct slice){data, len};
    if (utf8_printable(*out))
        return HIT_REASON_NONE;
    *out = SLICE_NONE;
    return HIT_REASON_UTF8_INVALID;
}

static enum hit_reason param_read(const struct reading *reading, const struct param *param)
{
    char buffer[NAME_BYTES_MAX];
    struct slice name = {buffer, 0};
    size_t max;

    if (param->value.len == 0)
        return HIT_REASON_NONE;
    if (text_decode(param->name_encoding, param->name, buffer, sizeof(buffer), &name.len) != 0)
        return param->value_encoding == ENCODING_LIST ? HIT_REASON_BODY_NESTED : HIT_REASON_NONE;
    enum hit_field tag = field_find(name, reading->input->integration, &max);
    bool is_list = param->value_encoding == ENCODING_LIST;
    if (is_list && tag != HIT_REPORT_LINES)
        return HIT_REASON_BODY_NESTED;
    if (tag == 0)
        return HIT_REASON_NONE;
    if (reading->field[tag].data)
        return HIT_REASON_PARAMETER_DUPLICATE;
    if (tag == HIT_REPORT_LINES) {
        if (!is_list) // a form cannot say them; there it is the shop's own
            return param->value_encoding == ENCODING_FORM ? HIT_REASON_NONE : HIT_REASON_LINES_MALFORMED;
        reading->field[tag] = param->value;
        return HIT_REASON_NONE;
    }
    return value_read(param, max, reading->scratch, &reading->field[tag]);
}

static void form_read(const struct reading *reading, struct slice text)
{
    struct query query;
    struct query_param found;
    int r;

    query_start(&query, text);
    while ((r = query_next(&query, &found)) == 0) {
        const struct param param = {found.name, found.value, ENCODING_FORM, ENCODING_FORM};
        fault_note(reading, param_read(reading, &param));
    }
    if (r == QUERY_TOO_MANY)
        fault_note(reading, HIT_REASON_PARAMETER_TOO_LONG);
}

static enum hit_reason json_reason(int condition)
{
    switch (condition) {
    case JSON_MEMBERS_END:
        return HIT_REASON_NONE;
    case JSON_MEMBERS_TOO_MANY:
        return HIT_REASON_PARAMETER_TOO_LONG;
    case JSON_MEMBERS_NESTED:
        return HIT_REASON_BODY_NESTED;
    default:
        return HIT_REASON_BODY_MALFORMED;
    }
}

static enum encoding json_encoding(enum json_member_kind kind)
{
    if (kind == JSON_MEMBER_LIST)
        return ENCODING_LIST;
    return kind == JSON_MEMBER_TEXT ? ENCODING_JSON : ENCODING_NONE;
}

static void json_read(const struct reading *reading, struct slice text)
{
    struct json_members members;
    struct json_member found;
    int r;

    json_members_start(&members, text);
    members.takes_lists = true;
    while ((r = json_members_next(&members, &found)) == 0) {
        const struct param param = {found.name, found.value, ENCODING_JSON, json_encoding(found.kind)};
        if (found.kind != JSON_MEMBER_NOTHING)
            fault_note(reading, param_read(reading, &param));
    }
    fault_note(reading, json_reason(r));
}

void report_params_read(const struct report_input *input, struct scratch *scratch,
                        struct slice field[HIT_FIELD_COUNT], enum hit_reason *fault)
{
    const struct reading reading = {input, scratch, field, fault};

    form_read(&reading, input->query);
    if (input->body_is_json)
        json_read(&reading, input->body);
    else
        form_read(&reading, input->body);
}
