// The rows of click_due. Owns nothing; one row an hour and load. By hour, because a late click would else
// stretch the span of a load over all days between.

#include "ingest/click_due.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

#define HOUR_MS 3600000

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
        if (at == 0) {
            out[n++] = (struct click_span){row->ms, row->ms, 1};
            continue;
        }
        struct click_span *span = &out[at - 1];
        *span = (struct click_span){min_of(span->from_ms, row->ms), max_of(span->to_ms, row->ms),
                                    span->clicks + 1};
    }
    return n;
}

static int spans_write(struct pg *pg, const struct click_span *spans, size_t n)
{
    static const char sql[] = "insert into clickledger.click_due (from_ts, to_ts, clicks)"
                              " select to_timestamp(f / 1000.0), to_timestamp(t / 1000.0), n"
                              " from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as s (f, t, n)";
    struct array from = {0}, to = {0}, clicks = {0};

    for (size_t i = 0; i < n; i++) {
        array_int(&from, (int64_t)spans[i].from_ms);
        array_int(&to, (int64_t)spans[i].to_ms);
        array_int(&clicks, (int64_t)spans[i].clicks);
    }
    const struct pg_param params[] = {pg_text(array_literal(&from)), pg_text(array_literal(&to)),
                                      pg_text(array_literal(&clicks))};
    bool failed = from.failed || to.failed || clicks.failed;
    int r = failed ? -ENOMEM : pg_query(pg, sql, params, array_length(params), NULL);
    array_free(&from);
    array_free(&to);
    array_free(&clicks);
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
