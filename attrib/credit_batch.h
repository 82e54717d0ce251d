#pragma once

// The next conversions of a period and their touches, read into memory.

#include "attrib/candidates.h"
#include "base/pg.h"

// What a touch is beside its kind.
#define TOUCH_MARK_ACTIVE   1
#define TOUCH_MARK_OF_ORDER 2
#define TOUCH_MARK_BOUND    4

struct credit_batch {
    struct pg *pg;                    // in a transaction; every batch is read from the same snapshot
    int64_t from_us, to_us, reach_us; // the period; how old a touch may be
    int64_t after_id;                 // conversions up to this one have been read
    size_t orders_max;                // at least 1
    size_t room_max;                  // visitors and touches of more than one order
    struct candidates candidates;     // without orders: there are no more
    uint8_t *filter;
};

// Begins with pg, the period and the limits; free takes what never began, too.
must_check int credit_batch_begin(struct credit_batch *batch);
void credit_batch_free(struct credit_batch *batch);

// Reads what comes behind after_id. 0, an enum pg_condition or a negative errno.
must_check int credit_batch_read(struct credit_batch *batch);
// Whether there was not room: it is to be read again with fewer orders.
bool credit_batch_is_large(const struct credit_batch *batch);
