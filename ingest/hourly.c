// Hourly counts of clicks. Owner: the loader. The rows are written in the order of their key and hold the
// shard, so that two loaders neither wait for each other nor deadlock.

#include "ingest/hourly.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS    3600000
#define JSON_BYTES 192 // of one row

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

static char *rows_as_json(const struct hourly_row *rows, size_t n)
{
    char *json = malloc(n * JSON_BYTES + 3);
    size_t at = 0;

    if (!json)
        return NULL;
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(json + at,
                              "%c{\"h\":%" PRIu64 ",\"g\":%" PRIu64 ",\"p\":%" PRIu64 ",\"l\":%" PRIu64
                              ",\"c\":\"%s\",\"n\":%" PRIu64 "}",
                              i ? ',' : '[', rows[i].hour_ms, rows[i].program_id, rows[i].partner_id,
                              rows[i].link_id, hit_class_name(rows[i].class), rows[i].clicks);
    strcpy(json + at, "]");
    return json;
}

static int rows_add(struct pg *pg, unsigned shard, const struct hourly_row *rows, size_t n)
{
    static const char sql[] =
        "insert into clickledger.click_hourly as c (hour, shard, program_id, partner_id, link_id, class, "
        "clicks)"
        " select to_timestamp(h / 1000), $2, g, p, l, c::clickledger.hit_class, n"
        " from json_to_recordset($1::json) as r (h bigint, g bigint, p bigint, l bigint, c text, n bigint)"
        " on conflict (partner_id, hour, program_id, link_id, class, shard)"
        " do update set clicks = c.clicks + excluded.clicks";
    char *json = rows_as_json(rows, n);

    if (!json)
        return -ENOMEM;
    struct pg_param params[] = {pg_string(json), pg_int(shard)};
    int r = pg_query(pg, sql, params, array_length(params), NULL);
    free(json);
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
