// Two models on the same orders. Owner: the command. Each is computed by the batches' own steps, so that
// rules, tiers, bindings and customers are those that would pay, in one transaction that is rolled back; both
// see one moment. The daemon's batches wait for its end. All else of the policies in force stays: precedence,
// windows, binding.

#include "attrib/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/order_range.h"
#include "base/arguments.h"
#include "base/log.h"

struct compare {
    struct pg *pg;
    const struct compare_options *options;
    struct batch_counts counts;
    struct pg_result *totals[2]; // compare_totals()
    uint64_t conversions, partners;
};

static size_t range_params(const struct compare_options *options, struct pg_param params[3])
{
    params[0] = pg_int(options->from_ms * 1000);
    params[1] = pg_int(options->to_ms * 1000);
    params[2] = options->program_id ? pg_int(options->program_id) : pg_null();
    return 3;
}

static int model_do(struct compare *compare, int model)
{
    struct pg_param name = pg_string(compare->options->models[model]), params[3];
    struct order_range range = {compare->options->from_ms, compare->options->to_ms,
                                compare->options->program_id, 0};
    size_t n;
    int r = pg_exec(compare->pg, "savepoint model");

    if (r == 0)
        r = pg_query(compare->pg, "select set_config('cl.model', $1, true)", &name, 1, NULL);
    compare->conversions = 0;
    for (int is_due = 0; is_due < 2 && r == 0; is_due++) {
        for (n = 1; n > 0 && r == 0; compare->conversions += is_due ? 0 : n)
            r = order_range_run(compare->pg, &range, is_due, &compare->counts, &n);
    }
    size_t n_params = range_params(compare->options, params);
    if (r == 0)
        r = pg_query(compare->pg, "select * from clickledger.compare_totals($1, $2, $3::bigint)", params,
                     n_params, &compare->totals[model]);
    return r ? r : pg_exec(compare->pg, "rollback to savepoint model");
}

// --- Telling

static int row_compare(const struct pg_result *a, size_t i, const struct pg_result *b, size_t j)
{
    for (size_t column = 0; column < 2; column++) {
        int64_t left = pg_result_int(a, i, column), right = pg_result_int(b, j, column);
        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0; // a programme has one currency
}

static int64_t total(const struct pg_result *rows, size_t row, bool is_there, size_t column)
{
    return is_there ? pg_result_int(rows, row, column) : 0;
}

// partner=0: nobody is credited.
static void partner_tell(struct compare *compare, size_t i, size_t j, int order)
{
    const struct pg_result *a = compare->totals[0], *b = compare->totals[1];
    const struct pg_result *known = order <= 0 ? a : b;
    size_t row = order <= 0 ? i : j;
    struct slice currency = pg_result_cell(known, row, 2);

    printf("program=%" PRId64 " partner=%" PRId64 " currency=%.*s", pg_result_int(known, row, 0),
           pg_result_int(known, row, 1), (int)currency.len, currency.data);
    printf(" a_conversions_ppm=%" PRId64 " a_revenue_minor=%" PRId64 " a_commission_minor=%" PRId64,
           total(a, i, order <= 0, 3), total(a, i, order <= 0, 4), total(a, i, order <= 0, 5));
    printf(" b_conversions_ppm=%" PRId64 " b_revenue_minor=%" PRId64 " b_commission_minor=%" PRId64 "\n",
           total(b, j, order >= 0, 3), total(b, j, order >= 0, 4), total(b, j, order >= 0, 5));
    compare->partners++;
}

static void totals_tell(struct compare *compare)
{
    const struct pg_result *a = compare->totals[0], *b = compare->totals[1];
    size_t i = 0, j = 0;

    while (i < pg_result_rows(a) || j < pg_result_rows(b)) {
        int order = i == pg_result_rows(a) ? 1 : j == pg_result_rows(b) ? -1 : row_compare(a, i, b, j);
        partner_tell(compare, i, j, order);
        i += order <= 0;
        j += order >= 0;
    }
    printf("a=%s b=%s conversions=%" PRIu64 " partners=%" PRIu64 " faults=%" PRIu64 "\n",
           compare->options->models[0], compare->options->models[1], compare->conversions, compare->partners,
           compare->counts.faults);
}

static int steps(struct compare *compare)
{
    int r = batch_lock(compare->pg);

    if (r == 0)
        r = pg_exec(compare->pg, "begin isolation level repeatable read");
    for (int model = 0; model < 2 && r == 0; model++)
        r = model_do(compare, model);
    if (r == 0)
        r = pg_exec(compare->pg, "rollback");
    if (r == 0)
        totals_tell(compare);
    return r;
}

int compare_run(const char *conninfo, const struct compare_options *options)
{
    struct compare compare = {.options = options};
    struct pg_error error;
    bool known = true;
    int r = pg_connect(&compare.pg, conninfo, "clickledger-compare", &error);

    if (r) {
        log_event(LOG_ERROR, "postgres.connect_failed",
                  log_str("error", r > 0 ? error.message : "no memory"));
        return EXIT_FAILURE;
    }
    r = pg_exec(compare.pg, "set jit = off");
    if (r == 0)
        r = order_range_check(compare.pg, options->program_id, 0, &known);
    if (r == 0 && known)
        r = steps(&compare);
    if (r)
        log_event(LOG_ERROR, "compare.failed",
                  log_str("error", r > 0 ? pg_error(compare.pg)->message : "no memory"));
    for (int model = 0; model < 2; model++)
        pg_result_free(compare.totals[model]);
    pg_free(compare.pg);
    if (!known)
        return ARGUMENTS_WRONG;
    return r || compare.counts.faults ? EXIT_FAILURE : EXIT_SUCCESS;
}
