#pragma once

// The lines of an order as text, in a hit and in the database: a line each, "sku TAB product TAB category TAB
// quantity TAB amount TAB commissionable", amounts in minor units. Pure. Texts are printable, so that none
// holds a TAB or a line feed.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/slice.h"
#include "base/util.h"

#define ORDER_LINES_MAX         50
#define ORDER_LINES_BYTES_MAX   2048 // of the text; a field of a hit
#define ORDER_LINE_TEXT_MAX     200  // bytes of sku, product, category
#define ORDER_LINE_QUANTITY_MAX 1000000

enum order_lines_condition {
    ORDER_LINES_END = 1,
    ORDER_LINES_MALFORMED = 2, // nothing more can be read
};

struct order_line {
    struct slice sku, product, category; // empty: .data NULL
    int64_t quantity;
    int64_t amount_minor, commissionable_minor; // of the whole line; the second is not above the first
};

// The next line of *text, which is moved on. 0 or an enum order_lines_condition.
must_check int order_lines_next(struct slice *text, struct order_line *line);

// All of them. The number of lines, at most ORDER_LINES_MAX; 0 where the text is empty, malformed, or has
// more, or their amounts sum to more than MONEY_MINOR_MAX.
size_t order_lines_read(struct slice text, struct order_line lines[ORDER_LINES_MAX]);

// Appends a line; overflow is the writer's.
void order_lines_write(struct bytes_writer *writer, const struct order_line *line);
