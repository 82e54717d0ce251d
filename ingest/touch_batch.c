// The rows of touch_batch. A conversion may have been waiting for a touch, so attrib hears of every load that
// stored one. Owns nothing; one row a load.

#include "ingest/touch_batch.h"

struct span {
    uint64_t from_ms, to_ms; // unix; from > to: nothing was stored
};

static struct span span_stored(const struct row_batch batches[COPY_TABLES])
{
    struct span span = {UINT64_MAX, 0};

    for (enum copy_table table = COPY_CLICK; table < COPY_REPORT; table++) {
        for (size_t i = 0; i < batches[table].n; i++) {
            const struct batch_row *row = &batches[table].rows[i];
            span.from_ms = row->stored ? min_of(span.from_ms, row->ms) : span.from_ms;
            span.to_ms = row->stored ? max_of(span.to_ms, row->ms) : span.to_ms;
        }
    }
    return span;
}

int touch_batch_tell(struct pg *pg, unsigned shard, const struct row_batch batches[COPY_TABLES])
{
    struct span span = span_stored(batches);
    bool touches = span.from_ms <= span.to_ms;
    int r = 0;

    if (touches) {
        struct pg_param params[] = {pg_int(shard), pg_int((int64_t)span.from_ms),
                                    pg_int((int64_t)span.to_ms)};
        r = pg_query(pg,
                     "insert into clickledger.touch_batch (shard, from_ts, to_ts)"
                     " values ($1, to_timestamp($2::bigint / 1000.0), to_timestamp($3::bigint / 1000.0))",
                     params, array_length(params), NULL);
    }
    if (r == 0 && (touches || batches[COPY_REPORT].n > 0))
        r = pg_exec(pg, "notify clickledger_work");
    return r;
}
