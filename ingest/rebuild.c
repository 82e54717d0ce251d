// Compares click_hourly, unique_hourly and conversion_hourly with the rows, hour by hour, says what differs
// and puts it right; normally nothing. Owner: the command. Each hour is seen in one snapshot, in which loads
// (of conversions: attrib's batches) have written both or neither.

#include "ingest/rebuild.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arguments.h"
#include "ingest/history.h"

struct rebuild {
    bool dry_run;
    struct pg_result *differences; // of the hour
    uint64_t n;
};

enum difference_column {
    DIFFERENCE_ROLLUP,
    DIFFERENCE_HOUR,
    DIFFERENCE_PROGRAM,
    DIFFERENCE_PARTNER,
    DIFFERENCE_LINK,
    DIFFERENCE_OF, // further words
    DIFFERENCE_COUNTED,
    DIFFERENCE_FOUND,
};

// Of what is loaded and not yet settled, the unique visitors are not counted. A dry run commits it, too:
// ingest would do it a moment later, and nothing has to be done again for each hour.
static int dues_settle(struct pg *pg)
{
    int64_t dues = 1;
    int r = 0;

    while (r == 0 && dues > 0) {
        struct pg_result *result = NULL;
        r = pg_query(pg, "select dues from clickledger.click_settle(1000000)", NULL, 0, &result);
        dues = r ? 0 : pg_result_int(result, 0, 0);
        pg_result_free(result);
    }
    return r;
}

static int hour_compare(void *ctx, struct pg *pg, int64_t from_ms, int64_t to_ms)
{
    struct rebuild *rebuild = ctx;
    const struct pg_param params[] = {pg_int(from_ms), pg_int(to_ms), pg_bool(!rebuild->dry_run)};

    int r = dues_settle(pg);
    if (r)
        return r;
    rebuild->differences = pg_result_free(rebuild->differences);
    return pg_query(
        pg,
        "select rollup, (extract(epoch from hour) * 1000)::bigint, program_id, partner_id, link_id,"
        " 'class=' || class, counted, found from clickledger.rollup_rebuild(to_timestamp($1::bigint / 1000),"
        " to_timestamp($2::bigint / 1000), $3)"
        " union all select 'conversion_hourly', (extract(epoch from hour) * 1000)::bigint, program_id,"
        " partner_id, link_id, format('kind=%s status=%s currency=%s measure=%s', kind, status, currency,"
        " measure), counted, found from clickledger.conversion_rebuild(to_timestamp($1::bigint / 1000),"
        " to_timestamp($2::bigint / 1000), $3)",
        params, array_length(params), &rebuild->differences);
}

static void difference_tell(const struct pg_result *rows, size_t row)
{
    struct slice rollup = pg_result_cell(rows, row, DIFFERENCE_ROLLUP);
    struct slice of = pg_result_cell(rows, row, DIFFERENCE_OF);
    char hour[HISTORY_HOUR_BYTES];

    history_hour_format(pg_result_int(rows, row, DIFFERENCE_HOUR), hour);
    printf("%.*s %s program=%" PRId64 " partner=%" PRId64 " link=%" PRId64, (int)rollup.len, rollup.data,
           hour, pg_result_int(rows, row, DIFFERENCE_PROGRAM), pg_result_int(rows, row, DIFFERENCE_PARTNER),
           pg_result_int(rows, row, DIFFERENCE_LINK));
    if (of.data)
        printf(" %.*s", (int)of.len, of.data);
    printf(" counted=%" PRId64 " found=%" PRId64 "\n", pg_result_int(rows, row, DIFFERENCE_COUNTED),
           pg_result_int(rows, row, DIFFERENCE_FOUND));
}

static uint64_t hour_tell(void *ctx)
{
    struct rebuild *rebuild = ctx;
    size_t n = pg_result_rows(rebuild->differences);

    for (size_t row = 0; row < n; row++)
        difference_tell(rebuild->differences, row);
    fflush(stdout);
    rebuild->n += n;
    return n;
}

int rebuild_command(const void *settings, int argc, char **argv)
{
    struct rebuild rebuild = {0};
    struct history history = {.name = "rebuild",
                              .from_ms = -1,
                              .to_ms = -1,
                              .ctx = &rebuild,
                              .begin = "begin isolation level repeatable read",
                              .hour = hour_compare,
                              .hour_done = hour_tell};
    const struct argument arguments[] = {argument_time("--from", &history.from_ms),
                                         argument_time("--to", &history.to_ms),
                                         argument_flag("--dry-run", &rebuild.dry_run)};

    if (arguments_read(arguments, array_length(arguments), argc, argv) || history_range(&history))
        return ARGUMENTS_WRONG;
    int status = history_run(&history, settings);
    printf("differences=%" PRIu64 " mended=%" PRIu64 "\n", rebuild.n, rebuild.dry_run ? 0 : rebuild.n);
    pg_result_free(rebuild.differences);
    return status;
}
