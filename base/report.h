#pragma once

// Conversion reports: parameters of a shop into the fields of a hit, strictly. Pure.

#include "base/catalog.h"
#include "base/click_id.h"
#include "base/hit.h"
#include "base/money.h"
#include "base/scratch.h"

#define REPORT_ID_MAX   255 // bytes of order_id, event_id, promo
#define REPORT_TEXT_MAX 512 // bytes of product, customer, a sub id

struct report_input {
    struct slice query, body;                      // form-urlencoded
    bool body_is_json;                             // the body is not a form but a flat JSON object
    const struct catalog_integration *integration; // names and words of its own; NULL: a pixel
    struct slice currency;                         // of the programme; empty: not known
    const struct click_id_keys *keys;              // NULL: whether a click id was issued here is not checked
};

// Fixed-size fields, which the hit's slices point to.
struct report_values {
    uint8_t click_id[CLICK_ID_BYTES];
    uint8_t amount_minor[8], event_time[8];
    char amount_text[MONEY_TEXT_BYTES]; // of lines, where no amount is given
    uint8_t integration[VARINT_BYTES_MAX];
};

// Fills the fields of the hit as far as they are good, and HIT_REPORT_RAW. Returns HIT_REASON_NONE,
// HIT_REASON_STATUS_IGNORED for what the shop does not want counted, or the first fault. Where no currency is
// given the amount is read in the programme's, and HIT_REPORT_CURRENCY stays absent.
enum hit_reason report_read(const struct report_input *input, struct scratch *scratch,
                            struct report_values *values, struct slice field[HIT_FIELD_COUNT]);

// One sentence for the shop's developer.
const char *report_fault_text(enum hit_reason reason);
