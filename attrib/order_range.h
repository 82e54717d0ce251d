#pragma once

// The conversions of a range, page by page, and what becomes due by them.

#include "attrib/batch.h"

#define ORDER_RANGE_LATE (PG_TIMEOUT + 1)

struct order_range {
    int64_t from_ms, to_ms; // [from, to)
    int64_t program_id;     // 0: all
    int64_t after_id;       // those up to this conversion were done
};

// Whether what a command names exists (0: it names none); says on stderr what does not.
must_check int order_range_check(struct pg *pg, int64_t program_id, int64_t terms_id, bool *known);

// Does a page of the range, or with is_due of what has become due, in the caller's transaction. *n: how many
// orders; 0: none are left. 0 or as batch_orders().
must_check int order_range_run(struct pg *pg, struct order_range *range, bool is_due,
                               struct batch_counts *counts, size_t *n);

// All pages of both, in the caller's transaction; *orders is added to. ORDER_RANGE_LATE: clock_monotonic_ms()
// came to until_ms between two of them.
must_check int order_range_all(struct pg *pg, struct order_range *range, uint64_t until_ms,
                               struct batch_counts *counts, uint64_t *orders);
