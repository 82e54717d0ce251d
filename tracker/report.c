// Reads a conversion report. Pure, strict: a report that can be misunderstood is refused with a reason,
// because it is about money, but it is kept with whatever could be read. Parameters that we do not know are
// the shop's own and are ignored. Bounded by QUERY_PARAMS_MAX parameters in the query and in the body.

#include "tracker/report.h"

#include "base/clock.h"
#include "base/currency.h"
#include "base/http_char.h"
#include "base/money.h"
#include "base/query.h"
#include "base/utf8.h"
#include "tracker/params.h"

#define NAME_BYTES_MAX 64

struct known {
    struct slice name;
    enum hit_field field;
    size_t bytes_max;
};

// click_id and event_time stand in their fields as text until they are read.
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
};

struct word {
    struct slice text, meaning;
};

#define WORD(text, meaning)                                                                                  \
    {                                                                                                        \
        {text, sizeof(text) - 1},                                                                            \
        {                                                                                                    \
            meaning, sizeof(meaning) - 1                                                                     \
        }                                                                                                    \
    }

// The first is what an absent one means.
static const struct word kinds[] = {WORD("sale", "sale"), WORD("lead", "lead")};
static const struct word statuses[] = {
    WORD("pending", "pending"),   WORD("new", "pending"),        WORD("hold", "pending"),
    WORD("lead", "pending"),      WORD("approved", "approved"),  WORD("confirmed", "approved"),
    WORD("sale", "approved"),     WORD("paid", "approved"),      WORD("declined", "declined"),
    WORD("rejected", "declined"), WORD("cancelled", "declined"), WORD("canceled", "declined"),
    WORD("refunded", "refunded"), WORD("refund", "refunded"),    WORD("chargeback", "refunded"),
};

static void fault_note(enum hit_reason *fault, enum hit_reason reason)
{
    if (*fault == HIT_REASON_NONE)
        *fault = reason;
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
    return params_sub_field(name);
}

static enum hit_reason value_read(struct slice encoded, size_t max, struct scratch *scratch,
                                  struct slice *out)
{
    size_t len, room = min_of(encoded.len, scratch_left(scratch));
    char *data = scratch_take(scratch, room);

    int r = query_decode(encoded, data, room, &len);
    if (r == QUERY_BAD_ESCAPE)
        return HIT_REASON_UTF8_INVALID;
    if (r != 0 || len > max)
        return HIT_REASON_PARAMETER_TOO_LONG;
    *out = (struct slice){data, len};
    if (utf8_printable(*out))
        return HIT_REASON_NONE;
    *out = SLICE_NONE;
    return HIT_REASON_UTF8_INVALID;
}

static enum hit_reason param_read(const struct query_param *param, const struct report_input *input,
                                  struct scratch *scratch, struct slice field[HIT_FIELD_COUNT])
{
    char buffer[NAME_BYTES_MAX];
    struct slice name = {buffer, 0};
    size_t max;

    if (param->value.len == 0 || query_decode(param->name, buffer, sizeof(buffer), &name.len) != 0)
        return HIT_REASON_NONE;
    enum hit_field tag = field_find(name, input->integration, &max);
    if (tag == 0)
        return HIT_REASON_NONE;
    if (field[tag].data)
        return HIT_REASON_PARAMETER_DUPLICATE;
    return value_read(param->value, max, scratch, &field[tag]);
}

static void params_read_all(struct slice text, const struct report_input *input, struct scratch *scratch,
                            struct slice field[HIT_FIELD_COUNT], enum hit_reason *fault)
{
    struct query query;
    struct query_param param;
    int r;

    query_start(&query, text);
    while ((r = query_next(&query, &param)) == 0)
        fault_note(fault, param_read(&param, input, scratch, field));
    if (r == QUERY_TOO_MANY)
        fault_note(fault, HIT_REASON_PARAMETER_TOO_LONG);
}

static bool word_read(struct slice *field, const struct word *words, size_t n)
{
    if (!field->data) {
        *field = words[0].meaning;
        return true;
    }
    for (size_t i = 0; i < n; i++)
        if (http_char_same(*field, words[i].text)) {
            *field = words[i].meaning;
            return true;
        }
    return false;
}

// Of the report, else of the programme. NULL with *fault where there is none.
static const struct currency *currency_read(const struct report_input *input, struct slice *field,
                                            struct scratch *scratch, enum hit_reason *fault)
{
    const struct currency *currency = currency_find(field->data ? *field : input->currency);

    if (!currency && field->data && field->len == CURRENCY_CODE_BYTES) {
        char *upper = scratch_take(scratch, field->len);
        for (size_t i = 0; upper && i < field->len; i++)
            upper[i] = field->data[i] >= 'a' && field->data[i] <= 'z' ? (char)(field->data[i] & ~0x20)
                                                                      : field->data[i];
        currency = upper ? currency_find((struct slice){upper, field->len}) : NULL;
        if (currency)
            *field = slice_of(currency->code);
    }
    if (!currency)
        fault_note(fault, field->data ? HIT_REASON_CURRENCY_UNKNOWN : HIT_REASON_CURRENCY_MISSING);
    return currency;
}

static enum hit_reason amount_reason(int condition)
{
    switch ((enum money_condition)condition) {
    case MONEY_NEGATIVE:
        return HIT_REASON_AMOUNT_NEGATIVE;
    case MONEY_PRECISION:
        return HIT_REASON_AMOUNT_PRECISION;
    case MONEY_TOO_LARGE:
        return HIT_REASON_AMOUNT_TOO_LARGE;
    case MONEY_MALFORMED:
        break;
    }
    return HIT_REASON_AMOUNT_MALFORMED;
}

// A new sale is worth something; a lead may be worth nothing, and an update may leave the amount as it was.
static bool amount_needed(const struct slice field[HIT_FIELD_COUNT])
{
    return slice_equal(field[HIT_REPORT_KIND], kinds[0].meaning) &&
           slice_equal(field[HIT_REPORT_STATUS], statuses[0].meaning);
}

static void amount_read(const struct report_input *input, struct scratch *scratch,
                        struct report_values *values, struct slice field[HIT_FIELD_COUNT],
                        enum hit_reason *fault)
{
    int64_t minor;

    if (!field[HIT_REPORT_AMOUNT].data && amount_needed(field))
        fault_note(fault, HIT_REASON_AMOUNT_MISSING);
    if (!field[HIT_REPORT_AMOUNT].data && !field[HIT_REPORT_CURRENCY].data)
        return;
    const struct currency *currency = currency_read(input, &field[HIT_REPORT_CURRENCY], scratch, fault);
    if (!currency || !field[HIT_REPORT_AMOUNT].data)
        return;
    int r = money_parse(field[HIT_REPORT_AMOUNT], currency->exponent, &minor);
    if (r != 0) {
        fault_note(fault, amount_reason(r));
        return;
    }
    bytes_put_u64(values->amount_minor, (uint64_t)minor);
    field[HIT_REPORT_AMOUNT_MINOR] = (struct slice){(const char *)values->amount_minor, 8};
}

static void click_id_read(const struct click_id_keys *keys, struct report_values *values, struct slice *field,
                          enum hit_reason *fault)
{
    if (!field->data)
        return;
    struct slice text = *field;
    *field = SLICE_NONE;
    if (click_id_parse(text, values->click_id) != 0) {
        fault_note(fault, HIT_REASON_CLICK_ID_MALFORMED);
        return;
    }
    *field = (struct slice){(const char *)values->click_id, CLICK_ID_BYTES};
    if (click_id_check(keys, values->click_id) != 0)
        fault_note(fault, HIT_REASON_CLICK_ID_FORGED);
}

static void event_time_read(struct report_values *values, struct slice *field, enum hit_reason *fault)
{
    int64_t unix_ms;

    if (!field->data)
        return;
    struct slice text = *field;
    *field = SLICE_NONE;
    if (clock_parse(text, &unix_ms) != 0) {
        fault_note(fault, HIT_REASON_EVENT_TIME_MALFORMED);
        return;
    }
    bytes_put_u64(values->event_time, (uint64_t)unix_ms);
    *field = (struct slice){(const char *)values->event_time, 8};
}

// Query and body as they came, a line each, cut at the limit.
static struct slice raw_join(const struct report_input *input, struct scratch *scratch)
{
    if (input->body.len == 0 || input->query.len == 0) {
        struct slice one = input->body.len > 0 ? input->body : input->query;
        return (struct slice){one.data, min_of(one.len, (size_t)HIT_RAW_MAX)};
    }
    char *room = scratch_take(scratch, HIT_RAW_MAX);
    if (!room)
        return SLICE_NONE;
    size_t query = min_of(input->query.len, (size_t)HIT_RAW_MAX - 1);
    size_t body = min_of(input->body.len, HIT_RAW_MAX - 1 - query);
    memcpy(room, input->query.data, query);
    room[query] = '\n';
    memcpy(room + query + 1, input->body.data, body);
    return (struct slice){room, query + 1 + body};
}

enum hit_reason report_read(const struct report_input *input, struct scratch *scratch,
                            struct report_values *values, struct slice field[HIT_FIELD_COUNT])
{
    enum hit_reason fault = HIT_REASON_NONE;

    field[HIT_REPORT_RAW] = raw_join(input, scratch);
    params_read_all(input->query, input, scratch, field, &fault);
    params_read_all(input->body, input, scratch, field, &fault);
    if (!field[HIT_REPORT_ORDER_ID].data)
        fault_note(&fault, HIT_REASON_ORDER_ID_MISSING);
    if (!word_read(&field[HIT_REPORT_KIND], kinds, array_length(kinds)))
        fault_note(&fault, HIT_REASON_KIND_UNKNOWN);
    if (!word_read(&field[HIT_REPORT_STATUS], statuses, array_length(statuses)))
        fault_note(&fault, HIT_REASON_STATUS_UNKNOWN);
    amount_read(input, scratch, values, field, &fault);
    click_id_read(input->keys, values, &field[HIT_REPORT_CLICK_ID], &fault);
    event_time_read(values, &field[HIT_REPORT_EVENT_TIME], &fault);
    return fault;
}

const char *report_fault_text(enum hit_reason reason)
{
    static const char *const texts[HIT_REASON_COUNT] = {
        [HIT_REASON_KEY_UNKNOWN] = "This postback key does not exist or was revoked.",
        [HIT_REASON_ORDER_ID_MISSING] = "order_id is missing.",
        [HIT_REASON_AMOUNT_MISSING] = "amount is missing: a pending sale needs one.",
        [HIT_REASON_AMOUNT_MALFORMED] = "amount is not a decimal number such as 1234.50.",
        [HIT_REASON_AMOUNT_NEGATIVE] = "amount is negative; report a refund with status=refunded.",
        [HIT_REASON_AMOUNT_TOO_LARGE] = "amount is too large.",
        [HIT_REASON_AMOUNT_PRECISION] = "amount has more decimals than its currency.",
        [HIT_REASON_CURRENCY_UNKNOWN] = "currency is not an ISO 4217 code in use.",
        [HIT_REASON_CURRENCY_MISSING] = "currency is missing.",
        [HIT_REASON_STATUS_UNKNOWN] =
            "status is none of pending, approved, declined, refunded or their synonyms.",
        [HIT_REASON_KIND_UNKNOWN] = "kind is neither sale nor lead.",
        [HIT_REASON_CLICK_ID_MALFORMED] = "click_id is not a UUID of 36 characters.",
        [HIT_REASON_CLICK_ID_FORGED] = "click_id was not issued here.",
        [HIT_REASON_EVENT_TIME_MALFORMED] = "event_time is neither RFC 3339 with a zone nor unix seconds.",
        [HIT_REASON_UTF8_INVALID] = "A parameter is not printable UTF-8.",
        [HIT_REASON_PARAMETER_DUPLICATE] = "A parameter was given twice.",
        [HIT_REASON_PARAMETER_TOO_LONG] = "A parameter is too long, or there are too many.",
        [HIT_REASON_BODY_TYPE_UNSUPPORTED] = "The body must be application/x-www-form-urlencoded.",
    };

    return texts[reason] ? texts[reason] : "The report cannot be read.";
}
