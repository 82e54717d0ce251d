#pragma once

// What became of one order or lead: a fold over its reports and the team's decisions. Pure.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define CONVERSION_REPORTS_MAX 1000 // of one order; the fold compares each with each

enum conversion_status {
    CONVERSION_UNSAID, // a report may leave it as it is
    CONVERSION_PENDING,
    CONVERSION_APPROVED,
    CONVERSION_DECLINED,
    CONVERSION_REFUNDED, // as a state: completely
    CONVERSION_STRANGE,  // a word that is none of these
};

// clang-format off
enum conversion_verdict {
    VERDICT_OPEN,
    VERDICT_APPLIED,               // part of the state
    VERDICT_PROGRAM_MISMATCH,      // likewise, but its click is another programme's and does not count
    VERDICT_DUPLICATE,             // says nothing new
    VERDICT_AMOUNT_CONFLICT,       // another amount without a reason for it: the earlier stands
    VERDICT_EVENT_CONFLICT,        // an event id that was used with other content
    VERDICT_CURRENCY_MISMATCH,     // not the conversion's currency
    VERDICT_RATE_MISSING,          // another currency, of which no rate is known; waits for one
    VERDICT_AMOUNT_MISSING,        // the first report of a sale must have one
    VERDICT_AMOUNT_INVALID,        // not an amount
    VERDICT_LINES_INVALID,         // not lines, or more than the amount
    VERDICT_STATUS_UNKNOWN,
    VERDICT_REFUND_WITHOUT_SALE,   // waits for the sale
    VERDICT_REFUND_EXCEEDS_AMOUNT, // more would be refunded than was sold
    VERDICT_AFTER_REFUND,          // of an order that was refunded completely
    VERDICT_PIXEL_UNTRUSTED,       // a browser cannot decline or refund
    VERDICT_COUNT
};

enum conversion_click {
    CLICK_UNSAID,
    CLICK_UNKNOWN, // not arrived yet, or never issued
    CLICK_OURS,    // of the conversion's programme
    CLICK_FOREIGN, // of another one
};
// clang-format on

// A report, or a decision of the team (then only time, number, status and reason are used).
struct conversion_event {
    bool is_decision, is_pixel, is_timed; // timed: the shop said when
    int64_t time_us;                      // the shop's time if it said one, else when it came
    struct slice id;                      // of a report: UUID text
    int64_t number;                       // of a decision
    enum conversion_status status;
    bool has_amount;
    int64_t amount_minor; // -1: what was there is not an amount
    int64_t rate_pico,
        rate_id; // of its currency at its time, if that is not the programme's; 0: none is known
    enum conversion_click click;
    struct slice currency, event_id, click_id, visitor_id, promo, customer, product,
        reason;         // .data NULL: none
    struct slice lines; // base/order_lines.h; of a refund: what it is for
    // Written by the fold, of reports only.
    enum conversion_verdict verdict;
    bool is_refund; // it counts in what was refunded
};

struct conversion {
    bool exists;             // a report that can begin it is there
    bool is_amount_of_pixel; // no report of the shop's server has said one
    enum conversion_status status;
    int64_t occurred_at_us, amount_minor, refunded_minor;
    struct slice lines; // of the report whose amount this is
    // As reported; the above is in the programme's currency. rate_id 0: it is the same.
    struct slice currency;
    int64_t rate_pico, rate_id, sold_minor, returned_minor;
    struct slice click_id, visitor_id, promo, customer, product, reason; // of the events
};

// Sorts by (time, decisions behind reports, id).
void conversion_sort(struct conversion_event events[], size_t n);

// Events must be sorted. `needs_amount`: its first report does.
void conversion_fold(struct conversion_event events[], size_t n, bool needs_amount, struct slice currency,
                     struct conversion *out);

// "pending", .. of a state; "applied", .. of a verdict. CONVERSION_STRANGE for a name that is none.
const char *conversion_status_name(enum conversion_status status);
enum conversion_status conversion_status_find(struct slice name);
const char *conversion_verdict_name(enum conversion_verdict verdict);
