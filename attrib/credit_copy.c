// Credits on their way into the table: rows of a binary COPY, sent in chunks. Owner: credit_pass.c. Limit:
// CHUNK_BYTES; what the socket takes beyond that, the server works off while its sender fills another one.

#include "attrib/credit_copy.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define CHUNK_BYTES   (32u << 10)
#define CREDIT_BYTES  160 // of one row, at most
#define TRAILER_BYTES 2

const char copy_head[COPY_HEAD_BYTES] = "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0";
static const char copy_sql[] = "copy clickledger.credit (conversion_id, touch_kind, touch_id, touch_ts, "
                               "program_id, partner_id, link_id, "
                               "promo_code_id, weight_ppm, amount_minor, model) from stdin (format binary)";

static void put(struct credit_copy *copy, const void *data, size_t bytes)
{
    memcpy(copy->chunk + copy->chunk_bytes, data, bytes);
    copy->chunk_bytes += bytes;
}

static void put_cell(struct credit_copy *copy, const void *data, size_t bytes)
{
    uint32_t length = htobe32((uint32_t)bytes);

    put(copy, &length, sizeof(length));
    put(copy, data, bytes);
}

static void put_int(struct credit_copy *copy, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    put_cell(copy, &wire, sizeof(wire));
}

static void put_reference(struct credit_copy *copy, int64_t id)
{
    static const uint32_t null = UINT32_MAX;

    if (id)
        put_int(copy, id);
    else
        put(copy, &null, sizeof(null));
}

static void put_text(struct credit_copy *copy, struct slice text)
{
    put_cell(copy, text.data, text.len);
}

static int chunk_flush(struct credit_copy *copy)
{
    int r = pg_copy_put(copy->pg, copy->chunk, copy->chunk_bytes);

    copy->chunk_bytes = 0;
    return r;
}

int credit_copy_begin(struct credit_copy *copy, struct pg *pg)
{
    *copy = (struct credit_copy){.pg = pg, .chunk = malloc(CHUNK_BYTES + TRAILER_BYTES)};
    if (!copy->chunk)
        return -ENOMEM;
    put(copy, copy_head, COPY_HEAD_BYTES);
    return pg_copy_begin(pg, copy_sql);
}

int credit_copy_put(struct credit_copy *copy, const struct touch *touch, int64_t conversion_id,
                    int64_t link_id, struct slice model)
{
    static const uint16_t columns_n = 11;
    uint16_t columns = htobe16(columns_n);
    uint32_t weight = htobe32(touch->weight_ppm);
    int r = copy->chunk_bytes + CREDIT_BYTES > CHUNK_BYTES ? chunk_flush(copy) : 0;

    if (r)
        return r;
    put(copy, &columns, sizeof(columns));
    put_int(copy, conversion_id);
    put_text(copy, slice_of(touch_kind_name(touch->kind)));
    put_text(copy, touch->id);
    put_int(copy, touch->time_us - COPY_EPOCH_US);
    put_int(copy, touch->program_id);
    put_reference(copy, touch->partner_id);
    put_reference(copy, link_id);
    put_reference(copy, touch->promo_code_id);
    put_cell(copy, &weight, sizeof(weight));
    put_int(copy, touch->amount_minor);
    put_text(copy, model);
    return 0;
}

int credit_copy_end(struct credit_copy *copy, uint64_t *credits)
{
    static const uint16_t trailer = UINT16_MAX;

    put(copy, &trailer, sizeof(trailer));
    int r = chunk_flush(copy);
    return r ? r : pg_copy_end(copy->pg, credits);
}

void credit_copy_free(struct credit_copy *copy)
{
    free(copy->chunk);
    copy->chunk = NULL;
}
