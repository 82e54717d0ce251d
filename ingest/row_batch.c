// Rows waiting for their COPY. Owner: the loader, one batch per table, reused for every load. Invariant: the
// bytes of rows [a, b) lie together in `data`, so that any part of the batch can be copied. Limit: the
// loader's hits_max rows.

#include "ingest/row_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/click_id.h"

void row_batch_clear(struct row_batch *batch)
{
    batch->len = 0;
    batch->n = 0;
}

void row_batch_deinit(struct row_batch *batch)
{
    free(batch->data);
    free(batch->rows);
    *batch = (struct row_batch){0};
}

static bool room_make(struct row_batch *batch)
{
    if (batch->room - batch->len < COPY_ROW_BYTES_MAX) {
        size_t room = 2 * batch->room + COPY_ROW_BYTES_MAX;
        uint8_t *data = realloc(batch->data, room);
        if (!data)
            return false;
        batch->data = data;
        batch->room = room;
    }
    if (batch->n == batch->rows_room) {
        size_t room = 2 * batch->rows_room + 256;
        struct batch_row *rows = reallocarray(batch->rows, room, sizeof(*rows));
        if (!rows)
            return false;
        batch->rows = rows;
        batch->rows_room = room;
    }
    return true;
}

int row_batch_add(struct row_batch *batch, const struct hit *hit, const struct copy_origin *origin,
                  struct slice record, uint32_t delivery, uint32_t producer)
{
    if (!room_make(batch))
        return -ENOMEM;
    struct bytes_writer w = bytes_writer(batch->data + batch->len, COPY_ROW_BYTES_MAX);
    int condition = copy_row_write(&w, hit, origin);
    if (condition)
        return condition;
    struct batch_row *row = &batch->rows[batch->n++];
    *row = (struct batch_row){
        .at = batch->len,
        .bytes = (size_t)(w.at - (batch->data + batch->len)),
        .delivery = delivery,
        .producer = producer,
        .record = record,
        .ms = click_id_ms(hit->id),
        .program_id = hit->program_id,
        .partner_id = hit->partner_id,
        .link_id = hit->link_id,
        .content_hash = origin->content_hash,
        .class = hit->class,
    };
    memcpy(row->id, hit->id, HIT_ID_BYTES);
    if (hit->kind == HIT_CLICK && hit->class == HIT_CLASS_HUMAN) {
        click_keys_of(hit, &row->keys);
        row->place = click_place(hit);
    }
    batch->len += row->bytes;
    return 0;
}

uint64_t row_batch_day(const struct row_batch *batch)
{
    uint64_t day = batch->n > 0 ? batch->rows[0].ms / COPY_DAY_MS : COPY_ANY_DAY;

    for (size_t i = 1; i < batch->n; i++) {
        if (batch->rows[i].ms / COPY_DAY_MS != day)
            return COPY_ANY_DAY;
    }
    return day;
}
