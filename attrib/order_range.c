// Pages of conversions by number, for commands that compute a range anew. Owner: the command. Limit:
// BATCH_ORDERS_MAX orders a page.

#include "attrib/order_range.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

#define ORDER_CONVERSION 4 // column of order_recompute()

int order_range_check(struct pg *pg, int64_t program_id, int64_t terms_id, bool *known)
{
    struct pg_result *rows = NULL;
    struct pg_param params[] = {pg_int(program_id), pg_int(terms_id)};
    int r = pg_query(pg,
                     "select exists (select from clickledger.program where id = $1)::int, "
                     "exists (select from clickledger.terms where id = $2)::int",
                     params, 2, &rows);
    if (r)
        return r;
    bool has_program = program_id == 0 || pg_result_int(rows, 0, 0);
    bool has_terms = terms_id == 0 || pg_result_int(rows, 0, 1);
    pg_result_free(rows);
    if (!has_program)
        fprintf(stderr, "clickledger-attrib: there is no programme %" PRId64 "\n", program_id);
    if (!has_terms)
        fprintf(stderr, "clickledger-attrib: there are no terms %" PRId64 "\n", terms_id);
    *known = has_program && has_terms;
    return 0;
}

static int range_list(struct pg *pg, const struct order_range *range, struct pg_result **list)
{
    struct pg_param params[] = {pg_int(range->from_ms * 1000), pg_int(range->to_ms * 1000),
                                range->program_id ? pg_int(range->program_id) : pg_null(),
                                pg_int(range->after_id)};
    return pg_query(
        pg,
        "select * from clickledger.order_recompute($1, $2, $3::bigint, $4, " text_of(BATCH_ORDERS_MAX) ")",
        params, array_length(params), list);
}

static int due_list(struct pg *pg, struct pg_result **list)
{
    return pg_query(pg, "select * from clickledger.order_due(" text_of(BATCH_ORDERS_MAX) ")", NULL, 0, list);
}

int order_range_run(struct pg *pg, struct order_range *range, bool is_due, struct batch_counts *counts,
                    size_t *n)
{
    struct pg_result *list = NULL;
    int r = is_due ? due_list(pg, &list) : range_list(pg, range, &list);

    *n = r ? 0 : pg_result_rows(list);
    if (r == 0)
        r = batch_orders(pg, list, counts);
    if (r == 0 && *n > 0 && !is_due)
        range->after_id = pg_result_int(list, *n - 1, ORDER_CONVERSION);
    pg_result_free(list);
    return r;
}

int order_range_all(struct pg *pg, struct order_range *range, uint64_t until_ms, struct batch_counts *counts,
                    uint64_t *orders)
{
    size_t n = 1;
    int r = 0;

    for (int is_due = 0; is_due < 2 && r == 0; is_due++) {
        for (n = 1; n > 0 && r == 0; *orders += n) {
            r = order_range_run(pg, range, is_due, counts, &n);
            if (r == 0 && clock_monotonic_ms() >= until_ms)
                r = ORDER_RANGE_LATE;
        }
    }
    return r;
}
