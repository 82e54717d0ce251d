#pragma once

// The orders of one batch on their way from reports to ledger, inside the caller's transaction.

#include "attrib/attribution.h"
#include "attrib/conversion.h"
#include "attrib/order_base.h"
#include "base/array.h"
#include "base/pg.h"

#define WORK_ARRAYS_MAX  24
#define WORK_TOUCHES_MAX 200 // of each sort (clicks, entries; human, not) and visitor, the newest

struct order {
    int64_t program_id;
    struct slice kind, order_id, currency;
    int64_t conversion_id; // 0: there is none (yet)
    struct conversion state;
    int64_t month_us;
    int64_t policy_id; // 0: none was in force
    struct attribution_policy policy;
    struct attribution_result credited;
    size_t touch_from, touch_to; // in the work's touches
    size_t line_from, line_to;   // in the work's lines
};

struct work_counts {
    uint64_t reports, conversions, credits, commissions, transactions;
};

struct work {
    struct pg *pg;
    int64_t now_us;
    struct order *orders; // the caller's; sorted by conversion_id once that is known
    size_t n;
    struct pg_result *event_rows;
    struct conversion_event *events;
    struct order_base *lines;
    size_t n_lines, lines_size;
    struct pg_result *line_rows;  // their categories
    struct pg_result *touch_rows; // touches[i] is row i
    struct touch *touches;
    size_t n_touches;
    struct work_counts counts;
};

// Columns of conversion_touches().
enum touch_column {
    TOUCH_CONVERSION,
    TOUCH_KIND,
    TOUCH_ID,
    TOUCH_AT,
    TOUCH_PROGRAM,
    TOUCH_PARTNER,
    TOUCH_LINK,
    TOUCH_PROMO_CODE,
    TOUCH_CLASS,
    TOUCH_IS_ACTIVE,
    TOUCH_IS_OF_ORDER,
    TOUCH_WINDOW,
    TOUCH_TERMS,
    TOUCH_COMMISSION_KIND,
    TOUCH_RATE,
    TOUCH_FIXED,
    TOUCH_HOLD,
    TOUCH_IS_BOUND,
};

// The whole way. 0, an enum pg_condition or a negative errno; then the transaction must be rolled back to
// where it was. work->counts says what was done.
must_check int work_run(struct work *work);

// Its steps, in their order.
must_check int work_fold(struct work *work);       // reports and decisions -> conversions and verdicts
must_check int work_attribute(struct work *work);  // touches -> credits
must_check int work_commission(struct work *work); // credits -> commissions and ledger
must_check int work_explain(struct work *work);    // -> explanations

// The lines of an order that was just folded, and all of them to the database.
must_check int work_lines_fold(struct work *work, struct order *order, const struct conversion_event events[],
                               size_t n);
must_check int work_lines_write(struct work *work);

// `sql` with the arrays as $1.. $n, freed in any case. The result may be NULL.
must_check int work_call(struct work *work, const char *sql, struct array arrays[], size_t n,
                         struct pg_result **result);
void work_ids(const struct work *work, struct array *ids); // of all conversions
// Cells of a touch's row to the ends of `columns`.
void work_touch_cells(const struct work *work, struct array columns[], const enum touch_column cells[],
                      size_t n, size_t touch);
struct slice work_model(const struct order *order); // what gave the credits: a model's name, or "bound"
// $1, $2, $3 of a statement about orders: program_ids, kinds, order_ids.
void work_order(struct array arrays[3], const struct order *order);
