#pragma once

// Orders of a batch and the touches that may count for each, in memory: touches come in any order, each for a
// conversion or for a visitor.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

#define CANDIDATE_ID_BYTES 16
#define CANDIDATE_NONE     UINT32_MAX
#define CANDIDATES_MAX     100000 // of an order

struct candidate {
    uint8_t id[CANDIDATE_ID_BYTES];
    int64_t time_us, program_id, partner_id, link_id, promo_code_id; // 0: none
    uint8_t kind, marks;                                             // the caller's
    uint32_t next;                                                   // of the same order, or CANDIDATE_NONE
};

struct candidate_order {
    int64_t conversion_id, program_id, time_us, amount_minor;
    uint32_t n, first; // of its candidates, or CANDIDATE_NONE
};

// Start with {0}.
struct candidates {
    struct candidate *list;
    struct candidate_order *orders;     // by conversion_id, ascending
    struct candidate_visitor *visitors; // as they came, one for each order of theirs
    struct candidate_visitor *slots;    // one for each visitor, at its hash or behind it; a gap ends a search
    size_t n, n_orders, n_visitors;
    size_t room, orders_room, visitors_room;
    unsigned slot_bits;
};

// Each 0 or -ENOMEM. Orders come first, by their ids, each followed by its visitors.
must_check int candidates_add_order(struct candidates *candidates, const struct candidate_order *order);
must_check int candidates_add_visitor(struct candidates *candidates, const uint8_t id[CANDIDATE_ID_BYTES]);
must_check int candidates_index(struct candidates *candidates); // then their touches

// For a conversion; if it is not there, nothing. These two also -EMSGSIZE: CANDIDATES_MAX, which is logged.
must_check int candidates_add(struct candidates *candidates, int64_t conversion_id,
                              const struct candidate *touch);
// For those of the visitor's orders that are of the touch's programme and in (touch, touch + reach_us].
must_check int candidates_add_for(struct candidates *candidates, const uint8_t visitor[CANDIDATE_ID_BYTES],
                                  int64_t reach_us, const struct candidate *touch);

void candidates_clear(struct candidates *candidates); // keeps the memory
void candidates_free(struct candidates *candidates);
