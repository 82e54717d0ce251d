#pragma once

// The conversions of a range, page by page, and what becomes due by them.

#include "attrib/batch.h"

struct order_range {
    int64_t from_ms, to_ms; // [from, to)
    int64_t program_id;     // 0: all
    int64_t after_id;       // those up to this conversion were done
};

// Does a page of the range, or with is_due of what has become due, in the caller's transaction. *n: how many
// orders; 0: none are left. 0 or as batch_orders().
must_check int order_range_run(struct pg *pg, struct order_range *range, bool is_due,
                               struct batch_counts *counts, size_t *n);
