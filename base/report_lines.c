// Reads the lines of a report. Pure, strict: they say what is paid for, so a member that is not known is a
// fault and not ignored. Limits: base/order_lines.h.

#include "base/report_lines.h"

#include "base/json_members.h"
#include "base/money.h"
#include "base/order_lines.h"
#include "base/utf8.h"

struct reading {
    unsigned exponent;
    struct scratch *scratch;
    struct order_line line;
    bool has_quantity, has_amount, has_commissionable;
};

static bool text_set(struct reading *reading, const struct json_member *member, struct slice *text)
{
    char *data = scratch_take(reading->scratch, member->value.len);
    size_t len;

    if (text->data || !data || member->value.len == 0)
        return !text->data && data; // an empty one is as good as none
    if (member->kind == JSON_MEMBER_TEXT) {
        if (json_text_decode(member->value, data, member->value.len, &len) != 0)
            return false;
    } else {
        len = member->value.len;
        memcpy(data, member->value.data, len);
    }
    *text = (struct slice){data, len};
    return member->kind != JSON_MEMBER_TRUTH && len <= ORDER_LINE_TEXT_MAX && utf8_printable(*text);
}

static bool quantity_set(const struct json_member *member, int64_t *quantity)
{
    return money_parse(member->value, 0, quantity) == 0 && *quantity > 0 &&
           *quantity <= ORDER_LINE_QUANTITY_MAX;
}

static bool once(bool *has)
{
    bool first = !*has;
    *has = true;
    return first;
}

static bool member_set(struct reading *reading, const struct json_member *member)
{
    struct order_line *line = &reading->line;

    if (slice_equal(member->name, SLICE("sku")))
        return text_set(reading, member, &line->sku);
    if (slice_equal(member->name, SLICE("product")))
        return text_set(reading, member, &line->product);
    if (slice_equal(member->name, SLICE("category")))
        return text_set(reading, member, &line->category);
    if (slice_equal(member->name, SLICE("quantity")))
        return once(&reading->has_quantity) && quantity_set(member, &line->quantity);
    if (slice_equal(member->name, SLICE("amount")))
        return once(&reading->has_amount) &&
               money_parse(member->value, reading->exponent, &line->amount_minor) == 0;
    if (slice_equal(member->name, SLICE("commissionable")))
        return once(&reading->has_commissionable) &&
               money_parse(member->value, reading->exponent, &line->commissionable_minor) == 0;
    return false;
}

// false: it is not a line.
static bool line_read(struct reading *reading, struct json_members *object)
{
    struct json_member member;
    int r;

    reading->line = (struct order_line){.quantity = 1};
    reading->has_quantity = reading->has_amount = reading->has_commissionable = false;
    while ((r = json_members_next(object, &member)) == 0) {
        if (member.kind != JSON_MEMBER_NOTHING && !member_set(reading, &member))
            return false;
    }
    if (!reading->has_commissionable)
        reading->line.commissionable_minor = reading->line.amount_minor;
    return r == JSON_MEMBERS_END && reading->has_amount &&
           reading->line.commissionable_minor <= reading->line.amount_minor;
}

enum hit_reason report_lines_read(struct slice json, unsigned exponent, struct scratch *scratch,
                                  struct slice *text, int64_t *sum_minor)
{
    struct reading reading = {.exponent = exponent, .scratch = scratch};
    uint8_t *room = (uint8_t *)scratch_take(scratch, ORDER_LINES_BYTES_MAX);
    struct bytes_writer writer = bytes_writer(room, room ? ORDER_LINES_BYTES_MAX : 0);
    struct json_members list, object;
    int64_t sum = 0;
    size_t n = 0;
    int r;

    json_members_start(&list, json);
    while ((r = json_objects_next(&list, &object)) == 0) {
        if (!line_read(&reading, &object) || reading.line.amount_minor > MONEY_MINOR_MAX - sum)
            return HIT_REASON_LINES_MALFORMED;
        sum += reading.line.amount_minor;
        order_lines_write(&writer, &reading.line);
        if (++n > ORDER_LINES_MAX || writer.overflow)
            return HIT_REASON_LINES_TOO_MANY;
    }
    if (r != JSON_MEMBERS_END || n == 0)
        return HIT_REASON_LINES_MALFORMED;
    *text = (struct slice){(const char *)room, (size_t)(writer.at - room)};
    *sum_minor = sum;
    return HIT_REASON_NONE;
}
