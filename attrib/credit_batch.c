// Conversions come with their visitors, by whom the clicks are found here: the server goes through all clicks
// of the time and sends those that a filter of the visitors lets pass, which is less work for it than to join
// and to sort them. The filter is a setting of the transaction, so that processes that help the server have
// it too.

#include "attrib/credit_batch.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/attribution.h"
#include "base/copy_cell.h"

#define FILTER_BITS  (1u << 23) // clickledger.visitor_filter(); half a million visitors let 6 % of others pass
#define FILTER_BYTES (FILTER_BITS / 8)
#define SQL_BYTES    512

enum conversion_cell {
    CONVERSION_ID,
    CONVERSION_PROGRAM,
    CONVERSION_AT,
    CONVERSION_AMOUNT,
    CONVERSION_VISITOR,
    CONVERSION_HASH,
    CONVERSION_CELLS
};

// Of click_stream() and touch_stream().
enum touch_cell {
    TOUCH_WHOSE, // visitor; conversion
    TOUCH_ID,
    TOUCH_AT,
    TOUCH_PROGRAM,
    TOUCH_PARTNER,
    TOUCH_LINK,
    TOUCH_PROMO_CODE,
    CLICK_CELLS,
    TOUCH_KIND = CLICK_CELLS,
    TOUCH_MARKS,
    TOUCH_CELLS
};

static_assert((int)CONVERSION_CELLS <= TOUCH_CELLS, "room for every row");

typedef int row_take(struct credit_batch *batch, const struct slice cell[]);

static int rows_read(struct credit_batch *batch, const char *sql, size_t cells, row_take *take)
{
    struct slice row, cell[TOUCH_CELLS];
    bool is_first = true;
    int r = pg_read_begin(batch->pg, sql);

    while (r == 0 && (r = pg_read_row(batch->pg, &row)) == 0 && row.data) {
        if (is_first && !copy_skip_header(&row))
            return -EBADMSG;
        is_first = false;
        if (row.len == COPY_TRAILER_BYTES)
            continue;
        r = copy_get_row(row, cell, cells) ? take(batch, cell) : -EBADMSG;
    }
    return r;
}

// What is on the way then has to be taken, but is not kept.
bool credit_batch_is_large(const struct credit_batch *batch)
{
    const struct candidates *candidates = &batch->candidates;

    return candidates->n_orders > 1 && candidates->n_visitors + candidates->n > batch->room_max;
}

// --- Conversions

static int visitor_take(struct credit_batch *batch, struct slice visitor, struct slice hash)
{
    uint32_t bit = (uint32_t)copy_get_int(hash) % FILTER_BITS;

    if (visitor.len != CANDIDATE_ID_BYTES)
        return -EBADMSG;
    batch->filter[bit / 8] |= (uint8_t)(1u << bit % 8);
    return candidates_add_visitor(&batch->candidates, (const uint8_t *)visitor.data);
}

static int conversion_take(struct credit_batch *batch, const struct slice cell[])
{
    struct candidates *candidates = &batch->candidates;
    int64_t id = copy_get_int(cell[CONVERSION_ID]);
    int r = 0;

    if (candidates->n_orders == 0 || candidates->orders[candidates->n_orders - 1].conversion_id != id)
        r = candidates_add_order(candidates, &(struct candidate_order){
                                                 .conversion_id = id,
                                                 .program_id = copy_get_int(cell[CONVERSION_PROGRAM]),
                                                 .time_us = copy_get_time(cell[CONVERSION_AT]),
                                                 .amount_minor = copy_get_int(cell[CONVERSION_AMOUNT]),
                                             });
    if (r || !cell[CONVERSION_VISITOR].data || credit_batch_is_large(batch))
        return r;
    return visitor_take(batch, cell[CONVERSION_VISITOR], cell[CONVERSION_HASH]);
}

static int conversions_read(struct credit_batch *batch)
{
    char sql[SQL_BYTES];

    snprintf(sql, sizeof(sql),
             "copy (select * from clickledger.conversion_stream(to_timestamp(%" PRId64
             "), to_timestamp(%" PRId64 "), %" PRId64 ", %zu)) to stdout (format binary)",
             batch->from_us / 1000000, batch->to_us / 1000000, batch->after_id, batch->orders_max);
    memset(batch->filter, 0, FILTER_BYTES);
    return rows_read(batch, sql, CONVERSION_CELLS, conversion_take);
}

// --- Touches

static int filter_send(const struct credit_batch *batch)
{
    struct pg_param filter = pg_bytea((struct slice){(const char *)batch->filter, FILTER_BYTES});

    return pg_query(batch->pg, "select from set_config('cl.visitors', '\\x' || encode($1, 'hex'), true)",
                    &filter, 1, NULL);
}

static int touch_read(struct candidate *touch, const struct slice cell[])
{
    if (cell[TOUCH_ID].len != CANDIDATE_ID_BYTES)
        return -EBADMSG;
    *touch = (struct candidate){
        .time_us = copy_get_time(cell[TOUCH_AT]),
        .program_id = copy_get_int(cell[TOUCH_PROGRAM]),
        .partner_id = copy_get_int(cell[TOUCH_PARTNER]),
        .link_id = copy_get_int(cell[TOUCH_LINK]),
        .promo_code_id = copy_get_int(cell[TOUCH_PROMO_CODE]),
        .kind = TOUCH_CLICK,
        .marks = TOUCH_MARK_ACTIVE,
    };
    memcpy(touch->id, cell[TOUCH_ID].data, CANDIDATE_ID_BYTES);
    return 0;
}

static int click_take(struct credit_batch *batch, const struct slice cell[])
{
    struct candidate touch;

    if (credit_batch_is_large(batch))
        return 0;
    if (touch_read(&touch, cell) != 0 || cell[TOUCH_WHOSE].len != CANDIDATE_ID_BYTES)
        return -EBADMSG;
    return candidates_add_for(&batch->candidates, (const uint8_t *)cell[TOUCH_WHOSE].data, batch->reach_us,
                              &touch);
}

static int touch_take(struct credit_batch *batch, const struct slice cell[])
{
    struct candidate touch;
    int64_t kind = copy_get_int(cell[TOUCH_KIND]) - 1;

    if (credit_batch_is_large(batch))
        return 0;
    if (touch_read(&touch, cell) != 0 || kind < 0 || kind >= TOUCH_KINDS)
        return -EBADMSG;
    touch.kind = (uint8_t)kind;
    touch.marks = (uint8_t)copy_get_int(cell[TOUCH_MARKS]);
    return candidates_add(&batch->candidates, copy_get_int(cell[TOUCH_WHOSE]), &touch);
}

static int touches_read(struct credit_batch *batch)
{
    const struct candidates *candidates = &batch->candidates;
    int64_t first_us = INT64_MAX, last_us = INT64_MIN;
    char sql[SQL_BYTES];

    for (size_t i = 0; i < candidates->n_orders; i++) {
        first_us = min_of(first_us, candidates->orders[i].time_us);
        last_us = max_of(last_us, candidates->orders[i].time_us);
    }
    int64_t from_s = first_us / 1000000, to_s = last_us / 1000000 + 1, reach_s = batch->reach_us / 1000000;
    snprintf(sql, sizeof(sql),
             "copy (select * from clickledger.click_stream(to_timestamp(%" PRId64 "), to_timestamp(%" PRId64
             "))) to stdout (format binary)",
             from_s - reach_s, to_s);
    int r = rows_read(batch, sql, CLICK_CELLS, click_take);
    if (r || credit_batch_is_large(batch))
        return r;
    snprintf(sql, sizeof(sql),
             "copy (select * from clickledger.touch_stream(to_timestamp(%" PRId64 "), to_timestamp(%" PRId64
             "), to_timestamp(%" PRId64 "), interval '%" PRId64 " s')) to stdout (format binary)",
             from_s, to_s, from_s - reach_s, reach_s);
    return rows_read(batch, sql, TOUCH_CELLS, touch_take);
}

// --- Both

int credit_batch_begin(struct credit_batch *batch)
{
    struct pg_result *reach = NULL;
    int r =
        pg_query(batch->pg, "select extract(epoch from clickledger.touch_reach())::bigint", NULL, 0, &reach);

    if (r)
        return r;
    batch->reach_us = pg_result_int(reach, 0, 0) * 1000000;
    pg_result_free(reach);
    batch->filter = malloc(FILTER_BYTES);
    return batch->filter ? 0 : -ENOMEM;
}

int credit_batch_read(struct credit_batch *batch)
{
    candidates_clear(&batch->candidates);
    int r = conversions_read(batch);
    if (r || batch->candidates.n_orders == 0 || credit_batch_is_large(batch))
        return r;
    r = candidates_index(&batch->candidates);
    if (r == 0)
        r = filter_send(batch);
    return r ? r : touches_read(batch);
}

void credit_batch_free(struct credit_batch *batch)
{
    candidates_free(&batch->candidates);
    free(batch->filter);
    batch->filter = NULL;
}
