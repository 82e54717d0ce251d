// Computing anew. Owner: the command; the daemon may run beside it, since a batch's lock is taken for each
// batch. A dry run is one transaction that is rolled back, because tiers and customers let one order depend
// on another; the daemon's batches wait for its end. The run's number is a setting of the session, which
// ledger_transaction.run_id takes for its default, so what a run posted is known by the rows themselves.
// Deterministic: conversions by number, then those that became due by the same.

#include "attrib/recompute.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/order_range.h"
#include "base/arguments.h"
#include "base/log.h"

#define DIFFERENCES_MAX 1000 // read at once

struct recompute {
    struct pg *pg;
    const struct recompute_options *options;
    int64_t run;
    struct order_range range;
    struct batch_counts counts;
    uint64_t conversions, differences;
};

static int setting_set(struct pg *pg, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    struct pg_param params[] = {pg_string(name), pg_string(text)};
    return pg_query(pg, "select set_config($1, $2, false)", params, 2, NULL);
}

// A dry run takes a number and leaves no row.
static int run_begin(struct recompute *recompute)
{
    const struct recompute_options *options = recompute->options;
    struct pg_result *rows = NULL;
    struct pg_param params[] = {pg_int(options->from_ms * 1000), pg_int(options->to_ms * 1000),
                                options->program_id ? pg_int(options->program_id) : pg_null()};
    int r = pg_query(recompute->pg,
                     "insert into clickledger.recompute_run (from_at, to_at, program_id) values "
                     "(clickledger.us_time($1), clickledger.us_time($2), $3::bigint) returning id",
                     params, 3, &rows);
    if (r)
        return r;
    recompute->run = pg_result_int(rows, 0, 0);
    pg_result_free(rows);
    r = setting_set(recompute->pg, "cl.run", recompute->run);
    return r || options->terms_id == 0 ? r : setting_set(recompute->pg, "cl.terms", options->terms_id);
}

static int run_end(struct recompute *recompute)
{
    struct pg_param params[] = {pg_int(recompute->run), pg_int((int64_t)recompute->conversions)};
    return pg_query(recompute->pg,
                    "update clickledger.recompute_run set finished_at = clock_timestamp(), conversions = $2 "
                    "where id = $1",
                    params, 2, NULL);
}

// --- Batches

// In the caller's transaction. *n: how many there were.
static int orders_do(struct recompute *recompute, bool is_due, size_t *n)
{
    int r = order_range_run(recompute->pg, &recompute->range, is_due, &recompute->counts, n);

    recompute->conversions += *n;
    return r;
}

static int orders_commit(struct recompute *recompute, bool is_due, size_t *n)
{
    int r = batch_lock(recompute->pg);
    if (r == 0)
        r = pg_exec(recompute->pg, "begin isolation level repeatable read");
    if (r == 0)
        r = orders_do(recompute, is_due, n);
    if (r == 0)
        r = pg_exec(recompute->pg, "commit");
    if (r && pg_alive(recompute->pg) && pg_in_transaction(recompute->pg) &&
        pg_exec(recompute->pg, "rollback") == PG_LOST)
        return PG_LOST;
    return r ? r : batch_unlock(recompute->pg);
}

// Posts batch by batch; what fails may be run again.
static int range_post(struct recompute *recompute)
{
    size_t n = 1;
    int r = 0;

    for (int is_due = 0; is_due < 2 && r == 0; is_due++) {
        for (n = 1; n > 0 && r == 0;)
            r = orders_commit(recompute, is_due, &n);
    }
    return r;
}

// --- What differs

static void difference_tell(const struct pg_result *rows, size_t row)
{
    struct slice kind = pg_result_cell(rows, row, 1), order = pg_result_cell(rows, row, 3),
                 currency = pg_result_cell(rows, row, 6);
    char line[1024];
    struct log_field fields[] = {log_slice("kind", kind),
                                 log_int("program", pg_result_int(rows, row, 2)),
                                 log_int("conversion", pg_result_int(rows, row, 4)),
                                 log_slice("order", order),
                                 log_int("partner", pg_result_int(rows, row, 5)),
                                 log_slice("currency", currency),
                                 log_int("pending_minor", pg_result_int(rows, row, 7)),
                                 log_int("available_minor", pg_result_int(rows, row, 8)),
                                 LOG_FIELDS_END};
    bool all;
    size_t len = log_format(line, sizeof(line), fields, &all);

    printf("difference%.*s\n", (int)len, line);
}

static int differences_tell(struct recompute *recompute)
{
    int64_t after_id = 0;

    for (size_t n = DIFFERENCES_MAX; n == DIFFERENCES_MAX; recompute->differences += n) {
        struct pg_result *rows = NULL;
        struct pg_param params[] = {pg_int(recompute->run), pg_int(after_id)};
        int r =
            pg_query(recompute->pg,
                     "select * from clickledger.recompute_differences($1, $2, " text_of(DIFFERENCES_MAX) ")",
                     params, 2, &rows);
        if (r)
            return r;
        n = pg_result_rows(rows);
        for (size_t row = 0; row < n; row++)
            difference_tell(rows, row);
        if (n > 0)
            after_id = pg_result_int(rows, n - 1, 0);
        pg_result_free(rows);
    }
    return 0;
}

static int totals_tell(struct recompute *recompute)
{
    struct pg_result *rows = NULL;
    struct pg_param params[] = {pg_int(recompute->run)};
    int r = pg_query(recompute->pg, "select * from clickledger.recompute_totals($1)", params, 1, &rows);

    if (r)
        return r;
    for (size_t row = 0; row < pg_result_rows(rows); row++) {
        struct slice currency = pg_result_cell(rows, row, 2);
        printf("total program=%" PRId64 " partner=%" PRId64 " currency=%.*s before_minor=%" PRId64
               " after_minor=%" PRId64 "\n",
               pg_result_int(rows, row, 0), pg_result_int(rows, row, 1), (int)currency.len, currency.data,
               pg_result_int(rows, row, 3), pg_result_int(rows, row, 4));
    }
    pg_result_free(rows);
    return 0;
}

static int result_tell(struct recompute *recompute)
{
    int r = differences_tell(recompute);
    if (r == 0)
        r = totals_tell(recompute);
    if (r == 0)
        printf("run=%" PRId64 " dry=%s conversions=%" PRIu64 " differences=%" PRIu64 " faults=%" PRIu64 "\n",
               recompute->run, recompute->options->dry ? "yes" : "no", recompute->conversions,
               recompute->differences, recompute->counts.faults);
    return r;
}

// --- The command

static int steps_dry(struct recompute *recompute)
{
    int r = batch_lock(recompute->pg);
    if (r == 0)
        r = pg_exec(recompute->pg, "begin isolation level repeatable read");
    if (r == 0)
        r = run_begin(recompute);
    if (r == 0)
        r = order_range_all(recompute->pg, &recompute->range, UINT64_MAX, &recompute->counts,
                            &recompute->conversions);
    if (r == 0)
        r = result_tell(recompute);
    return r ? r : pg_exec(recompute->pg, "rollback");
}

static int steps_post(struct recompute *recompute)
{
    int r = run_begin(recompute);
    if (r == 0)
        r = range_post(recompute);
    if (r == 0)
        r = run_end(recompute);
    return r ? r : result_tell(recompute);
}

int recompute_run(const char *conninfo, const struct recompute_options *options)
{
    struct recompute recompute = {.options = options,
                                  .range = {options->from_ms, options->to_ms, options->program_id, 0}};
    struct pg_error error;
    bool known = true;
    int r = pg_connect(&recompute.pg, conninfo, "clickledger-recompute", &error);

    if (r) {
        log_event(LOG_ERROR, "postgres.connect_failed",
                  log_str("error", r > 0 ? error.message : "no memory"));
        return EXIT_FAILURE;
    }
    r = pg_exec(recompute.pg, "set jit = off");
    if (r == 0)
        r = order_range_check(recompute.pg, options->program_id, options->terms_id, &known);
    if (r == 0 && known)
        r = options->dry ? steps_dry(&recompute) : steps_post(&recompute);
    if (r)
        log_event(LOG_ERROR, "recompute.failed", log_int("run", recompute.run),
                  log_str("error", r > 0 ? pg_error(recompute.pg)->message : "no memory"));
    pg_free(recompute.pg);
    if (!known)
        return ARGUMENTS_WRONG;
    return r || recompute.counts.faults ? EXIT_FAILURE : EXIT_SUCCESS;
}
