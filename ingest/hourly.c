// Hourly counts of clicks. Owner: the loader. The rows are written in the order of their key and hold the
// shard, so that two loaders neither wait for each other nor deadlock.

#include "ingest/hourly.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS         3600000
#define VALUE_BYTES     21 // of 20 digits, or a class, and a comma
#define COLUMN_BYTES(n) ((n)*VALUE_BYTES + 2)

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

// The order of click_hourly's key.
static int row_compare(const void *left, const void *right)
{
    const struct hourly_row *a = left, *b = right;
    int by[] = {compare_u64(a->partner_id, b->partner_id), compare_u64(a->hour_ms, b->hour_ms),
                compare_u64(a->program_id, b->program_id), compare_u64(a->link_id, b->link_id),
                compare_u64(a->class, b->class)};

    for (size_t i = 0; i < array_length(by); i++) {
        if (by[i])
            return by[i];
    }
    return 0;
}

size_t hourly_count(const struct row_batch *clicks, struct hourly_row *out)
{
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < clicks->n; i++) {
        const struct batch_row *row = &clicks->rows[i];
        if (row->stored)
            out[n++] = (struct hourly_row){
                row->ms - row->ms % HOUR_MS, row->program_id, row->partner_id, row->link_id, row->class, 1};
    }
    if (n == 0)
        return 0;
    qsort(out, n, sizeof(*out), row_compare);
    for (size_t i = 1; i < n; i++) {
        if (row_compare(&out[kept], &out[i]) == 0)
            out[kept].clicks += out[i].clicks;
        else
            out[++kept] = out[i];
    }
    return kept + 1;
}

#define COLUMNS 6

static char *number_put(char *at, uint64_t value)
{
    return at + sprintf(at, "%" PRIu64 ",", value);
}

// The columns of click_hourly as literals of arrays.
static void columns_write(char *room, const struct hourly_row *rows, size_t n, char *begin[COLUMNS])
{
    char *at[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++) {
        begin[i] = at[i] = room + i * COLUMN_BYTES(n);
        *at[i]++ = '{';
    }
    for (size_t i = 0; i < n; i++) {
        at[0] = number_put(at[0], rows[i].hour_ms);
        at[1] = number_put(at[1], rows[i].program_id);
        at[2] = number_put(at[2], rows[i].partner_id);
        at[3] = number_put(at[3], rows[i].link_id);
        at[4] += sprintf(at[4], "%s,", hit_class_name(rows[i].class));
        at[5] = number_put(at[5], rows[i].clicks);
    }
    for (size_t i = 0; i < COLUMNS; i++)
        strcpy(at[i] - 1, "}"); // over the last comma
}

static int rows_add(struct pg *pg, unsigned shard, const struct hourly_row *rows, size_t n)
{
    static const char sql[] =
        "insert into clickledger.click_hourly as c (hour, shard, program_id, partner_id, link_id, class, "
        "clicks)"
        " select to_timestamp(h / 1000), $1, g, p, l, c::clickledger.hit_class, n"
        " from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[])"
        " as r (h, g, p, l, c, n)"
        " on conflict (partner_id, hour, program_id, link_id, class, shard)"
        " do update set clicks = c.clicks + excluded.clicks";
    char *room = reallocarray(NULL, COLUMNS, COLUMN_BYTES(n)), *columns[COLUMNS];

    if (!room)
        return -ENOMEM;
    columns_write(room, rows, n, columns);
    struct pg_param params[1 + COLUMNS] = {pg_int(shard)};
    for (size_t i = 0; i < COLUMNS; i++)
        params[1 + i] = pg_string(columns[i]);
    int r = pg_query(pg, sql, params, array_length(params), NULL);
    free(room);
    return r;
}

int hourly_add(struct pg *pg, unsigned shard, const struct row_batch *clicks)
{
    if (clicks->n == 0)
        return 0;
    struct hourly_row *rows = reallocarray(NULL, clicks->n, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    size_t n = hourly_count(clicks, rows);
    int r = n > 0 ? rows_add(pg, shard, rows, n) : 0;
    free(rows);
    return r;
}
