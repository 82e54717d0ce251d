#pragma once

// What of an order's lines commissions are paid for. Pure.

#include "attrib/conversion.h"
#include "base/order_lines.h"

struct order_base {
    struct order_line line; // in the currency of its report
    int64_t refunded_minor; // likewise
    int64_t base_minor;     // in the programme's: commissionable, and not refunded
    struct slice category;  // of the line, else of its product; written by the work
};

// Of the state that conversion_fold() made of these events. Returns the number of lines; 0: the order has
// none. A refund's line goes to the line of its sku (without one, of its product and category), up to what is
// left of that. The rest of what was refunded is divided over all of the order by what is left of it, by
// largest remainder.
size_t order_base_fold(const struct conversion_event events[], size_t n, const struct conversion *state,
                       struct order_base bases[ORDER_LINES_MAX]);
