// Hourly counts of clicks. Owner: the loader. The rows are written in the order of their key and hold the
// shard, so that two loaders neither wait for each other nor deadlock.

#include "ingest/hourly.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES     21 // of 20 digits, or a class, and a comma
#define COLUMN_BYTES(n) ((n)*VALUE_BYTES + 2)

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

// The order of click_hourly's key.
static int group_compare(const void *left, const void *right)
{
    const struct click_group *a = left, *b = right;
    int by[] = {compare_u64(a->partner_id, b->partner_id), compare_u64(a->hour_ms, b->hour_ms),
                compare_u64(a->program_id, b->program_id), compare_u64(a->link_id, b->link_id),
                compare_u64(a->class, b->class)};

    for (size_t i = 0; i < array_length(by); i++) {
        if (by[i])
            return by[i];
    }
    return 0;
}

void hourly_sort(struct click_group *groups, size_t n)
{
    qsort(groups, n, sizeof(*groups), group_compare);
}

#define COLUMNS 6

static char *number_put(char *at, uint64_t value)
{
    return at + sprintf(at, "%" PRIu64 ",", value);
}

// The columns of click_hourly as literals of arrays.
static void columns_write(char *room, const struct click_group *rows, size_t n, char *begin[COLUMNS])
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

static int rows_add(struct pg *pg, unsigned shard, const struct click_group *rows, size_t n)
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

int hourly_add(struct pg *pg, unsigned shard, const struct click_groups *clicks)
{
    if (clicks->n == 0)
        return 0;
    struct click_group *sorted = reallocarray(NULL, clicks->n, sizeof(*sorted));
    if (!sorted)
        return -ENOMEM;
    memcpy(sorted, clicks->groups, clicks->n * sizeof(*sorted));
    hourly_sort(sorted, clicks->n);
    int r = rows_add(pg, shard, sorted, clicks->n);
    free(sorted);
    return r;
}
