// The lines of an order as text. Pure; strict: what is read is what order_lines_write() writes, byte for
// byte.

#include "base/order_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/money.h"
#include "base/utf8.h"

static bool cell_take(struct slice *text, char end, struct slice *cell)
{
    const char *at = text->len > 0 ? memchr(text->data, end, text->len) : NULL;

    if (!at)
        return false;
    *cell = (struct slice){text->data, (size_t)(at - text->data)};
    *text = (struct slice){at + 1, text->len - cell->len - 1};
    return true;
}

static bool text_take(struct slice *text, struct slice *value)
{
    if (!cell_take(text, '\t', value) || value->len > ORDER_LINE_TEXT_MAX || !utf8_printable(*value))
        return false;
    if (value->len == 0)
        *value = SLICE_NONE;
    return true;
}

// Digits without a zero in front.
static bool number_take(struct slice *text, char end, int64_t max, int64_t *value)
{
    struct slice cell;
    int64_t sum = 0;

    if (!cell_take(text, end, &cell) || cell.len == 0 || (cell.len > 1 && cell.data[0] == '0'))
        return false;
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.data[i] < '0' || cell.data[i] > '9')
            return false;
        sum = 10 * sum + (cell.data[i] - '0');
        if (sum > max)
            return false;
    }
    *value = sum;
    return true;
}

int order_lines_next(struct slice *text, struct order_line *line)
{
    if (text->len == 0)
        return ORDER_LINES_END;
    bool good = text_take(text, &line->sku) && text_take(text, &line->product) &&
                text_take(text, &line->category) &&
                number_take(text, '\t', ORDER_LINE_QUANTITY_MAX, &line->quantity) && line->quantity > 0 &&
                number_take(text, '\t', MONEY_MINOR_MAX, &line->amount_minor) &&
                number_take(text, '\n', line->amount_minor, &line->commissionable_minor);
    return good ? 0 : ORDER_LINES_MALFORMED;
}

size_t order_lines_read(struct slice text, struct order_line lines[ORDER_LINES_MAX])
{
    struct order_line line;
    int64_t sum_minor = 0;
    size_t n = 0;
    int r;

    while ((r = order_lines_next(&text, &line)) == 0) {
        if (n == ORDER_LINES_MAX || line.amount_minor > MONEY_MINOR_MAX - sum_minor)
            return 0;
        sum_minor += line.amount_minor;
        lines[n++] = line;
    }
    return r == ORDER_LINES_END ? n : 0;
}

void order_lines_write(struct bytes_writer *writer, const struct order_line *line)
{
    const struct slice texts[] = {line->sku, line->product, line->category};
    char numbers[80];

    for (size_t i = 0; i < array_length(texts); i++) {
        bytes_write(writer, texts[i].data, texts[i].len);
        bytes_write(writer, "\t", 1);
    }
    int len = snprintf(numbers, sizeof(numbers), "%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n", line->quantity,
                       line->amount_minor, line->commissionable_minor);
    bytes_write(writer, numbers, (size_t)len);
}
