// Credits on their way into the table: rows of a binary COPY, sent in chunks. Owner: credit_pass.c. Limit:
// CHUNK_BYTES; what the socket takes beyond that, the server works off while its sender fills another one.

#include "attrib/credit_copy.h"

#include <errno.h>
#include <stdlib.h>

#include "base/copy_cell.h"

#define CHUNK_BYTES  (32u << 10)
#define CREDIT_CELLS 11
#define CREDIT_BYTES 160 // of one row, at most

static const char copy_sql[] = "copy clickledger.credit (conversion_id, touch_kind, touch_id, touch_ts, "
                               "program_id, partner_id, link_id, "
                               "promo_code_id, weight_ppm, amount_minor, model) from stdin (format binary)";

static int chunk_flush(struct credit_copy *copy)
{
    int r = pg_copy_put(copy->pg, copy->chunk, (size_t)(copy->writer.at - copy->chunk));

    copy->writer = bytes_writer(copy->chunk, CHUNK_BYTES);
    return r;
}

int credit_copy_begin(struct credit_copy *copy, struct pg *pg)
{
    *copy = (struct credit_copy){.pg = pg, .chunk = malloc(CHUNK_BYTES)};
    if (!copy->chunk)
        return -ENOMEM;
    copy->writer = bytes_writer(copy->chunk, CHUNK_BYTES);
    bytes_write(&copy->writer, copy_header, COPY_HEADER_BYTES);
    return pg_copy_begin(pg, copy_sql);
}

int credit_copy_put(struct credit_copy *copy, const struct touch *touch, int64_t conversion_id,
                    int64_t link_id, struct slice model)
{
    struct bytes_writer *w = &copy->writer;
    int r = w->end - w->at < CREDIT_BYTES ? chunk_flush(copy) : 0;

    if (r)
        return r;
    copy_put_row(w, CREDIT_CELLS);
    copy_put_i64(w, conversion_id);
    copy_put_string(w, touch_kind_name(touch->kind));
    copy_put_bytes(w, touch->id.data, touch->id.len);
    copy_put_time(w, touch->time_us);
    copy_put_i64(w, touch->program_id);
    copy_put_reference(w, touch->partner_id);
    copy_put_reference(w, link_id);
    copy_put_reference(w, touch->promo_code_id);
    copy_put_i32(w, (int32_t)touch->weight_ppm);
    copy_put_i64(w, touch->amount_minor);
    copy_put_bytes(w, model.data, model.len);
    return w->overflow ? -EMSGSIZE : 0;
}

int credit_copy_end(struct credit_copy *copy, uint64_t *credits)
{
    int r = chunk_flush(copy);

    if (r == 0)
        r = pg_copy_put(copy->pg, copy_trailer, COPY_TRAILER_BYTES);
    return r ? r : pg_copy_end(copy->pg, credits);
}

void credit_copy_free(struct credit_copy *copy)
{
    free(copy->chunk);
    copy->chunk = NULL;
}
