// Rows written by hour. Owner: the loader's transaction. Rows come nearly in the order of their time, so runs
// of one hour are few; they are sorted and joined.

#include "ingest/stored_hour.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_MS       3600000
#define ELEMENT_BYTES 24 // of an array as text

static int hours_order(const void *a, const void *b)
{
    const struct stored_hour *left = a, *right = b;

    return (left->hour_ms > right->hour_ms) - (left->hour_ms < right->hour_ms);
}

static size_t runs_join(struct stored_hour *runs, size_t n)
{
    size_t joined = 0;

    qsort(runs, n, sizeof(*runs), hours_order);
    for (size_t i = 0; i < n; i++) {
        if (joined > 0 && runs[joined - 1].hour_ms == runs[i].hour_ms)
            runs[joined - 1].hits += runs[i].hits;
        else
            runs[joined++] = runs[i];
    }
    return joined;
}

size_t stored_hours_count(const struct row_batch *batch, enum copy_table table, struct stored_hour *out)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->n; i++) {
        uint64_t hour_ms = batch->rows[i].ms / HOUR_MS * HOUR_MS;
        if (!batch->rows[i].stored)
            continue;
        if (n > 0 && out[n - 1].hour_ms == hour_ms)
            out[n - 1].hits++;
        else
            out[n++] = (struct stored_hour){table, hour_ms, 1};
    }
    return n > 1 ? runs_join(out, n) : n;
}

// The three arrays, one behind the other in `text`.
static int hours_write(struct pg *pg, unsigned shard, const struct stored_hour *hours, size_t n, char *text)
{
    char *starts[3];

    for (unsigned array = 0; array < array_length(starts); array++) {
        starts[array] = text;
        for (size_t i = 0; i < n; i++) {
            char before = i > 0 ? ',' : '{';
            if (array == 0)
                text += sprintf(text, "%c%s", before, copy_table_name(hours[i].table));
            else
                text += sprintf(text, "%c%" PRIu64, before, array == 1 ? hours[i].hour_ms : hours[i].hits);
        }
        text += sprintf(text, "}") + 1;
    }
    struct pg_param params[] = {pg_int(shard), pg_string(starts[0]), pg_string(starts[1]),
                                pg_string(starts[2])};
    return pg_query(pg, "select clickledger.stored_add($1::integer, $2::text[], $3::bigint[], $4::bigint[])",
                    params, array_length(params), NULL);
}

int stored_hours_add(struct pg *pg, unsigned shard, const struct row_batch batches[COPY_TABLES])
{
    size_t rows = 0, n = 0;

    for (enum copy_table table = 0; table < COPY_TABLES; table++)
        rows += batches[table].n;
    if (rows == 0)
        return 0;
    struct stored_hour *hours = reallocarray(NULL, rows, sizeof(*hours));
    if (!hours)
        return -ENOMEM;
    for (enum copy_table table = 0; table < COPY_TABLES; table++)
        n += stored_hours_count(&batches[table], table, hours + n);
    char *text = malloc(3 * (n * ELEMENT_BYTES + 3));
    int r = text ? 0 : -ENOMEM;
    if (r == 0 && n > 0)
        r = hours_write(pg, shard, hours, n, text);
    free(text);
    free(hours);
    return r;
}
