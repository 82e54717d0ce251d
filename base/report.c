// Reads a conversion report. Pure, strict: a report that can be misunderstood is refused with a reason,
// because it is about money, but it is kept with whatever could be read. Parameters that we do not know are
// the shop's own and are ignored.

#include "base/report.h"

#include "base/clock.h"
#include "base/currency.h"
#include "base/http_char.h"
#include "base/money.h"
#include "base/report_lines.h"
#include "base/report_params.h"
#include "base/report_status.h"

// Not why: whoever tries signatures learns nothing.
#define SIGNATURE_REFUSED "The report is not signed as it must be."

static void fault_note(enum hit_reason *fault, enum hit_reason reason)
{
    if (*fault == HIT_REASON_NONE)
        *fault = reason;
}

// Absent means a sale.
static bool kind_read(struct slice *kind)
{
    static const struct slice kinds[] = {{SLICE_PARTS("sale")},
                                         {SLICE_PARTS("lead")},
                                         {SLICE_PARTS("contract")},
                                         {SLICE_PARTS("payment")},
                                         {SLICE_PARTS("stage")}};

    if (!kind->data) {
        *kind = kinds[0];
        return true;
    }
    for (size_t i = 0; i < array_length(kinds); i++) {
        if (http_char_same(*kind, kinds[i])) {
            *kind = kinds[i];
            return true;
        }
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

// A new sale, contract or payment is worth something; a lead or a stage may be worth nothing, and an update
// may leave the amount as it was.
static bool amount_needed(const struct slice field[HIT_FIELD_COUNT])
{
    return !slice_equal(field[HIT_REPORT_KIND], SLICE("lead")) &&
           !slice_equal(field[HIT_REPORT_KIND], SLICE("stage")) &&
           slice_equal(field[HIT_REPORT_STATUS], SLICE("pending"));
}

static void amount_set(struct report_values *values, struct slice field[HIT_FIELD_COUNT], int64_t minor)
{
    bytes_put_u64(values->amount_minor, (uint64_t)minor);
    field[HIT_REPORT_AMOUNT_MINOR] = (struct slice){(const char *)values->amount_minor, 8};
}

// Their sum is the amount where none is given. Lines that are refused leave no field.
static void lines_read(const struct currency *currency, struct scratch *scratch, struct report_values *values,
                       struct slice field[HIT_FIELD_COUNT], enum hit_reason *fault)
{
    struct slice json = field[HIT_REPORT_LINES], text = SLICE_NONE;
    int64_t sum_minor = 0;

    field[HIT_REPORT_LINES] = SLICE_NONE;
    if (!json.data || !currency)
        return;
    enum hit_reason reason = report_lines_read(json, currency->exponent, scratch, &text, &sum_minor);
    if (reason != HIT_REASON_NONE) {
        fault_note(fault, reason);
        return;
    }
    field[HIT_REPORT_LINES] = text;
    if (!field[HIT_REPORT_AMOUNT].data) {
        field[HIT_REPORT_AMOUNT] = (struct slice){
            values->amount_text, money_format(sum_minor, currency->exponent, values->amount_text)};
        amount_set(values, field, sum_minor);
    } else if (field[HIT_REPORT_AMOUNT_MINOR].data &&
               sum_minor > (int64_t)bytes_get_u64(values->amount_minor)) {
        fault_note(fault, HIT_REASON_LINES_EXCEED_AMOUNT);
    }
}

static void amount_read(const struct currency *currency, struct report_values *values,
                        struct slice field[HIT_FIELD_COUNT], enum hit_reason *fault)
{
    int64_t minor;

    if (!currency || !field[HIT_REPORT_AMOUNT].data)
        return;
    int r = money_parse(field[HIT_REPORT_AMOUNT], currency->exponent, &minor);
    if (r != 0)
        fault_note(fault, amount_reason(r));
    else
        amount_set(values, field, minor);
}

static void money_read(const struct report_input *input, struct scratch *scratch,
                       struct report_values *values, struct slice field[HIT_FIELD_COUNT],
                       enum hit_reason *fault)
{
    const struct currency *currency = NULL;
    bool has_lines = field[HIT_REPORT_LINES].data != NULL;

    if (!field[HIT_REPORT_AMOUNT].data && !has_lines && amount_needed(field))
        fault_note(fault, HIT_REASON_AMOUNT_MISSING);
    if (field[HIT_REPORT_AMOUNT].data || field[HIT_REPORT_CURRENCY].data || has_lines)
        currency = currency_read(input, &field[HIT_REPORT_CURRENCY], scratch, fault);
    amount_read(currency, values, field, fault);
    lines_read(currency, scratch, values, field, fault);
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
    if (keys && click_id_check(keys, values->click_id) != 0)
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
    report_params_read(input, scratch, field, &fault);
    bool readable = fault == HIT_REASON_NONE;
    if (!field[HIT_REPORT_ORDER_ID].data)
        fault_note(&fault, HIT_REASON_ORDER_ID_MISSING);
    if (!kind_read(&field[HIT_REPORT_KIND]))
        fault_note(&fault, HIT_REASON_KIND_UNKNOWN);
    enum hit_reason status = report_status_read(input, scratch, &field[HIT_REPORT_STATUS]);
    fault_note(&fault, status);
    money_read(input, scratch, values, field, &fault);
    click_id_read(input->keys, values, &field[HIT_REPORT_CLICK_ID], &fault);
    event_time_read(values, &field[HIT_REPORT_EVENT_TIME], &fault);
    // What is ignored need not be whole: a ping names no order.
    return readable && status == HIT_REASON_STATUS_IGNORED ? status : fault;
}

const char *report_fault_text(enum hit_reason reason)
{
    static const char *const texts[HIT_REASON_COUNT] = {
        [HIT_REASON_KEY_UNKNOWN] = "This postback key does not exist or was revoked.",
        [HIT_REASON_ORDER_ID_MISSING] = "order_id is missing.",
        [HIT_REASON_AMOUNT_MISSING] = "amount is missing: a pending sale, contract or payment needs one.",
        [HIT_REASON_AMOUNT_MALFORMED] = "amount is not a decimal number such as 1234.50.",
        [HIT_REASON_AMOUNT_NEGATIVE] = "amount is negative; report a refund with status=refunded.",
        [HIT_REASON_AMOUNT_TOO_LARGE] = "amount is too large.",
        [HIT_REASON_AMOUNT_PRECISION] = "amount has more decimals than its currency.",
        [HIT_REASON_CURRENCY_UNKNOWN] = "currency is not an ISO 4217 code in use.",
        [HIT_REASON_CURRENCY_MISSING] = "currency is missing.",
        [HIT_REASON_STATUS_UNKNOWN] = "status is none of pending, approved, declined, refunded, and this "
                                      "integration does not say what it means.",
        [HIT_REASON_KIND_UNKNOWN] = "kind is none of sale, lead, contract, payment, stage.",
        [HIT_REASON_CLICK_ID_MALFORMED] = "click_id is not a UUID of 36 characters.",
        [HIT_REASON_CLICK_ID_FORGED] = "click_id was not issued here.",
        [HIT_REASON_EVENT_TIME_MALFORMED] = "event_time is neither RFC 3339 with a zone nor unix seconds.",
        [HIT_REASON_UTF8_INVALID] = "A parameter is not printable UTF-8.",
        [HIT_REASON_PARAMETER_DUPLICATE] = "A parameter was given twice.",
        [HIT_REASON_PARAMETER_TOO_LONG] = "A parameter is too long, or there are too many.",
        [HIT_REASON_BODY_TYPE_UNSUPPORTED] =
            "The body must be application/x-www-form-urlencoded or application/json.",
        [HIT_REASON_BODY_MALFORMED] = "The body is not a JSON object.",
        [HIT_REASON_BODY_NESTED] =
            "The body must be a flat JSON object: no member but lines may be a list, none an object.",
        [HIT_REASON_LINES_MALFORMED] = "lines must be a list of objects with amount and, if you like, sku, "
                                       "product, category, quantity, commissionable.",
        [HIT_REASON_LINES_TOO_MANY] = "lines are more than 50, or too long together.",
        [HIT_REASON_LINES_EXCEED_AMOUNT] = "lines sum to more than amount.",
        [HIT_REASON_SIGNATURE_MISSING] = SIGNATURE_REFUSED,
        [HIT_REASON_SIGNATURE_EXPIRED] = SIGNATURE_REFUSED,
        [HIT_REASON_SIGNATURE_WRONG] = SIGNATURE_REFUSED,
    };

    return texts[reason] ? texts[reason] : "The report cannot be read.";
}
