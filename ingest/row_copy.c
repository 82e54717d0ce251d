// One COPY for all rows, if PostgreSQL takes them. If not, the batch is halved until the bad rows stand
// alone: each is handed to the caller and the others go in. Every attempt has a savepoint. Limits: n bad rows
// among m cost about 2 n log2(m) attempts; the ranges that wait never exceed RANGES_MAX, one per halving.

#include "ingest/row_copy.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/copy_cell.h"

#define RANGES_MAX     64
#define PUT_BYTES_MAX  (64u << 10) // a cache holds it while libpq copies it
#define LOOKUP_SQL_MAX 256

struct range {
    size_t from, to; // rows [from, to)
};

static int rows_put(struct pg *pg, const struct row_batch *batch, struct range range)
{
    size_t at = batch->rows[range.from].at;
    size_t end = batch->rows[range.to - 1].at + batch->rows[range.to - 1].bytes;
    int r = pg_copy_put(pg, copy_header, COPY_HEADER_BYTES);

    while (r == 0 && at < end) {
        size_t bytes = min_of(end - at, PUT_BYTES_MAX);
        r = pg_copy_put(pg, batch->data + at, bytes);
        at += bytes;
    }
    return r ? r : pg_copy_put(pg, copy_trailer, COPY_TRAILER_BYTES);
}

// PG_UNIQUE where a key over all parts of a day would refuse a row.
static int parts_check(struct pg *pg, const struct batch_row rows[], size_t n)
{
    bool holds = false;
    int r = part_holds(pg, rows, n, &holds);

    return r == 0 && holds ? PG_UNIQUE : r;
}

static int range_copy(struct pg *pg, enum copy_table table, struct part into, const struct row_batch *batch,
                      struct range range)
{
    char statement[COPY_STATEMENT_BYTES];
    uint64_t rows = 0;
    int r = pg_exec(pg, "savepoint copy_rows");

    copy_statement(table, into.day, into.number, statement);
    if (r == 0 && table == COPY_CLICK && into.number == 0)
        r = parts_check(pg, batch->rows + range.from, range.to - range.from);
    if (r == 0)
        r = pg_copy_begin(pg, statement);
    if (r)
        return r;
    r = rows_put(pg, batch, range);
    if (r) {
        pg_copy_abort(pg, "clickledger-ingest gave up");
        return r;
    }
    r = pg_copy_end(pg, &rows);
    if (r)
        return r;
    // A trigger that swallows rows would break the count of hits.
    if (rows != range.to - range.from)
        return -EBADMSG;
    return pg_exec(pg, "release savepoint copy_rows");
}

static int row_look_up(struct pg *pg, enum copy_table table, const struct batch_row *row,
                       enum row_refusal *refusal)
{
    char sql[LOOKUP_SQL_MAX];
    struct pg_result *result = NULL;
    struct pg_param id = pg_uuid(row->id);

    snprintf(sql, sizeof(sql),
             "select content_hash from clickledger.%s where %s = $1 and ts = clickledger.click_ts($1)",
             copy_table_name(table), copy_table_id_column(table));
    int r = pg_query(pg, sql, &id, 1, &result);
    if (r)
        return r;
    *refusal = ROW_REFUSED;
    if (pg_result_rows(result) == 1)
        *refusal = (uint64_t)pg_result_int(result, 0, 0) == row->content_hash ? ROW_THERE : ROW_THERE_DIFFERS;
    pg_result_free(result);
    return 0;
}

// One row that does not go in.
static int row_refuse(struct pg *pg, enum copy_table table, const struct batch_row *row, int condition,
                      const char *why, row_refused *refused, void *ctx)
{
    enum row_refusal refusal = ROW_REFUSED;

    if (condition == PG_UNIQUE) {
        int r = row_look_up(pg, table, row, &refusal);
        if (r)
            return r;
    }
    return refused(ctx, row, refusal, why);
}

static void range_stored(struct row_batch *batch, struct range range)
{
    for (size_t i = range.from; i < range.to; i++)
        batch->rows[i].stored = true;
}

int row_copy(struct pg *pg, enum copy_table table, struct part into, struct row_batch *batch,
             row_refused *refused, void *ctx)
{
    struct range waiting[RANGES_MAX];
    size_t n = 0;

    if (batch->n > 0)
        waiting[n++] = (struct range){0, batch->n};
    while (n > 0) {
        struct range range = waiting[--n];
        int r = range_copy(pg, table, into, batch, range);
        if (r == 0) {
            range_stored(batch, range);
            continue;
        }
        if (r != PG_UNIQUE && r != PG_DATA)
            return r;
        struct pg_error why = *pg_error(pg);
        int back = pg_exec(pg, "rollback to savepoint copy_rows; release savepoint copy_rows");
        if (back == 0 && range.to - range.from == 1)
            back = row_refuse(pg, table, &batch->rows[range.from], r, why.message, refused, ctx);
        if (back)
            return back;
        if (range.to - range.from > 1) {
            size_t middle = range.from + (range.to - range.from) / 2;
            assert(n + 2 <= RANGES_MAX);
            waiting[n++] = (struct range){middle, range.to};
            waiting[n++] = (struct range){range.from, middle};
        }
    }
    return 0;
}
