// The rows of click_due. Owns nothing; one row an hour and load. By hour, because a late click would else
// stretch the span of a load over all days between.

#include "ingest/click_due.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_MS    3600000
#define JSON_BYTES 64 // of one span

size_t click_spans(const struct row_batch *clicks, struct click_span *out)
{
    size_t n = 0;

    for (size_t i = 0; i < clicks->n; i++) {
        const struct batch_row *row = &clicks->rows[i];
        size_t at = n;
        if (!row->stored || row->class != HIT_CLASS_HUMAN)
            continue;
        while (at > 0 && out[at - 1].from_ms / HOUR_MS != row->ms / HOUR_MS)
            at--;
        if (at == 0)
            out[n++] = (struct click_span){row->ms, row->ms};
        else
            out[at - 1] =
                (struct click_span){min_of(out[at - 1].from_ms, row->ms), max_of(out[at - 1].to_ms, row->ms)};
    }
    return n;
}

static char *spans_as_json(const struct click_span *spans, size_t n)
{
    char *json = malloc(n * JSON_BYTES + 3);
    size_t at = 0;

    if (!json)
        return NULL;
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(json + at, "%c{\"f\":%" PRIu64 ",\"t\":%" PRIu64 "}", i ? ',' : '[',
                              spans[i].from_ms, spans[i].to_ms);
    sprintf(json + at, "]");
    return json;
}

static int spans_write(struct pg *pg, const struct click_span *spans, size_t n)
{
    static const char sql[] = "insert into clickledger.click_due (from_ts, to_ts)"
                              " select to_timestamp(f / 1000.0), to_timestamp(t / 1000.0)"
                              " from json_to_recordset($1::json) as r (f bigint, t bigint)";
    char *json = spans_as_json(spans, n);

    if (!json)
        return -ENOMEM;
    struct pg_param params[] = {pg_string(json)};
    int r = pg_query(pg, sql, params, array_length(params), NULL);
    free(json);
    return r;
}

int click_due_tell(struct pg *pg, const struct row_batch *clicks)
{
    if (clicks->n == 0)
        return 0;
    struct click_span *spans = reallocarray(NULL, clicks->n, sizeof(*spans));
    if (!spans)
        return -ENOMEM;
    size_t n = click_spans(clicks, spans);
    int r = n > 0 ? spans_write(pg, spans, n) : 0;
    free(spans);
    return r;
}
