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
#define CELLS_MAX    9

enum conversion_cell {
    CONVERSION_ID,
    CONVERSION_PROGRAM,
    CONVERSION_AT,
    CONVERSION_AMOUNT,
    CONVERSION_VISITOR,
    CONVERSION_HASH,
    CONVERSION_CELLS
};

enum click_cell {
    CLICK_VISITOR,
    CLICK_ID,
    CLICK_AT,
    CLICK_PROGRAM,
    CLICK_PARTNER,
    CLICK_LINK,
    CLICK_PROMO_CODE,
    CLICK_CELLS
};

enum touch_cell {
    TOUCH_CONVERSION,
    TOUCH_KIND,
    TOUCH_ID,
    TOUCH_AT,
    TOUCH_PROGRAM,
    TOUCH_PARTNER,
    TOUCH_LINK,
    TOUCH_PROMO_CODE,
    TOUCH_MARKS,
    TOUCH_CELLS
};

static_assert((int)CONVERSION_CELLS <= CELLS_MAX && (int)CLICK_CELLS <= CELLS_MAX &&
                  (int)TOUCH_CELLS <= CELLS_MAX,
              "room for every row");

typedef int row_take(struct credit_batch *batch, const struct slice cell[]);

static int rows_read(struct credit_batch *batch, const char *sql, size_t cells, row_take *take)
{
    struct slice row, cell[CELLS_MAX];
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
static bool batch_is_large(const struct credit_batch *batch)
{
    const struct candidates *candidates = &batch->candidates;

    return candidates->n_visitors + candidates->n >
           (candidates->n_orders > 1 ? batch->room_max : ORDER_ROOM_MAX);
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
    if (r || !cell[CONVERSION_VISITOR].data || batch_is_large(batch))
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

static int click_take(struct credit_batch *batch, const struct slice cell[])
{
    struct candidate touch = {
        .time_us = copy_get_time(cell[CLICK_AT]),
        .program_id = copy_get_int(cell[CLICK_PROGRAM]),
        .partner_id = copy_get_int(cell[CLICK_PARTNER]),
        .link_id = copy_get_int(cell[CLICK_LINK]),
        .promo_code_id = copy_get_int(cell[CLICK_PROMO_CODE]),
        .kind = TOUCH_CLICK,
        .marks = TOUCH_MARK_ACTIVE,
    };

    if (cell[CLICK_ID].len != CANDIDATE_ID_BYTES || cell[CLICK_VISITOR].len != CANDIDATE_ID_BYTES)
        return -EBADMSG;
    memcpy(touch.id, cell[CLICK_ID].data, CANDIDATE_ID_BYTES);
    return batch_is_large(batch)
               ? 0
               : candidates_add_for(&batch->candidates, (const uint8_t *)cell[CLICK_VISITOR].data,
                                    batch->reach_us, &touch);
}

static int touch_take(struct credit_batch *batch, const struct slice cell[])
{
    struct candidate touch = {
        .time_us = copy_get_time(cell[TOUCH_AT]),
        .program_id = copy_get_int(cell[TOUCH_PROGRAM]),
        .partner_id = copy_get_int(cell[TOUCH_PARTNER]),
        .link_id = copy_get_int(cell[TOUCH_LINK]),
        .promo_code_id = copy_get_int(cell[TOUCH_PROMO_CODE]),
        .kind = (uint8_t)(copy_get_int(cell[TOUCH_KIND]) - 1),
        .marks = (uint8_t)copy_get_int(cell[TOUCH_MARKS]),
    };

    if (cell[TOUCH_ID].len != CANDIDATE_ID_BYTES || touch.kind >= TOUCH_KINDS)
        return -EBADMSG;
    memcpy(touch.id, cell[TOUCH_ID].data, CANDIDATE_ID_BYTES);
    return batch_is_large(batch)
               ? 0
               : candidates_add(&batch->candidates, copy_get_int(cell[TOUCH_CONVERSION]), &touch);
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
    if (r || batch_is_large(batch))
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

int credit_batch_read(struct credit_batch *batch, bool *is_large)
{
    struct candidates *candidates = &batch->candidates;

    candidates_clear(candidates);
    int r = conversions_read(batch);
    bool is_over = candidates->n_orders == 0 || batch_is_large(batch);
    if (r == 0 && !is_over)
        r = candidates_index(candidates);
    if (r == 0 && !is_over)
        r = filter_send(batch);
    if (r == 0 && !is_over)
        r = touches_read(batch);
    *is_large = batch_is_large(batch);
    return r;
}

void credit_batch_free(struct credit_batch *batch)
{
    candidates_free(&batch->candidates);
    free(batch->filter);
    batch->filter = NULL;
}
