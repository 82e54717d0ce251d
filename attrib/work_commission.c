// Third step: what each credited partner should get is computed unit by unit and compared with what is
// written and posted; only the difference is written and posted. Owner: the work. Invariant: commission row
// and ledger change together, and the row's revision is in the transaction's key.

#include "attrib/work_share.h"

#include <errno.h>

#include "attrib/posting.h"

#define ROW_COLUMNS     18
#define POSTING_COLUMNS 10

// Columns of commission_write() and commission_post().
struct changes {
    struct array rows[ROW_COLUMNS], postings[POSTING_COLUMNS];
    struct array due[2]; // of commission_due()
    uint64_t n_rows;
};

// --- What should be

static struct commission_rate own_rate(const struct pg_result *rows, size_t row)
{
    bool is_fixed = slice_equal(pg_result_cell(rows, row, TOUCH_COMMISSION_KIND), SLICE("fixed"));

    return (struct commission_rate){
        .kind = is_fixed ? COMMISSION_FIXED : COMMISSION_PERCENT,
        .rate_ppm = pg_result_int(rows, row, TOUCH_RATE),
        .fixed_minor = pg_result_int(rows, row, TOUCH_FIXED),
        .order_max_minor = COMMISSION_UNLIMITED,
        .month_max_minor = COMMISSION_UNLIMITED,
    };
}

static struct share share_of(const struct work *work, const struct order *order, size_t touch_row)
{
    const struct touch *touch = &work->touches[touch_row];

    return (struct share){
        .conversion_id = order->conversion_id,
        .partner_id = touch->partner_id,
        .program_id = order->program_id,
        .month_us = order->month_us,
        .terms_id = pg_result_int(work->touch_rows, touch_row, TOUCH_TERMS),
        .currency = order->currency,
        .of = order,
        .row = touch_row,
        .own = own_rate(work->touch_rows, touch_row),
        .own_hold_us = pg_result_int(work->touch_rows, touch_row, TOUCH_HOLD),
        .order = {.time_us = order->state.occurred_at_us,
                  .kind = order->kind,
                  .order_id = order->order_id,
                  .status = order->state.status,
                  .base_minor = touch->amount_minor,
                  .weight_ppm = touch->weight_ppm,
                  .hold_us = pg_result_int(work->touch_rows, touch_row, TOUCH_HOLD)},
    };
}

// A partner with several credits has one commission, by the terms of its latest touch: rows of touches are
// sorted by time, the latest first.
static int share_add(struct share_list *list, struct share share)
{
    for (size_t i = list->n; i > 0 && list->items[i - 1].conversion_id == share.conversion_id; i--) {
        struct share *other = &list->items[i - 1];
        if (other->partner_id == share.partner_id) {
            other->order.weight_ppm += share.order.weight_ppm;
            other->order.base_minor += share.order.base_minor;
            return 0;
        }
    }
    struct share *added = share_list_add(list);
    if (!added)
        return -ENOMEM;
    *added = share;
    return 0;
}

// A credit without terms in force at its touch earns nothing.
static int shares_collect(const struct work *work, struct share_list *list)
{
    int r = 0;

    for (size_t i = 0; i < work->n; i++) {
        const struct order *order = &work->orders[i];
        for (size_t touch = order->touch_from; r == 0 && touch < order->touch_to; touch++) {
            if (work->touches[touch].weight_ppm > 0 &&
                !pg_result_is_null(work->touch_rows, touch, TOUCH_TERMS))
                r = share_add(list, share_of(work, order, touch));
        }
    }
    return r;
}

// --- What is

// A commission of somebody whose touch does not win any more.
static struct share share_gone(const struct pg_result *posted, size_t row)
{
    return (struct share){
        .conversion_id = pg_result_int(posted, row, POSTED_CONVERSION),
        .partner_id = pg_result_int(posted, row, POSTED_PARTNER),
        .program_id = pg_result_int(posted, row, POSTED_PROGRAM),
        .currency = pg_result_cell(posted, row, POSTED_CURRENCY),
        .terms_id = pg_result_int(posted, row, POSTED_TERMS),
        .month_us = pg_result_int(posted, row, POSTED_MONTH),
        .wanted = {.status = COMMISSION_VOID, .hold_until_us = pg_result_int(posted, row, POSTED_HOLD_UNTIL)},
    };
}

static int64_t rule_id(const struct share *share)
{
    return share->rule ? share->rule->id : 0;
}

static bool row_differs(const struct share *share, const struct pg_result *posted, size_t row)
{
    const struct commission *wanted = &share->wanted;

    return pg_result_int(posted, row, POSTED_TERMS) != share->terms_id ||
           pg_result_int(posted, row, POSTED_RULE) != rule_id(share) ||
           pg_result_int(posted, row, POSTED_MONTH) != share->month_us ||
           pg_result_int(posted, row, POSTED_WEIGHT) != share->order.weight_ppm ||
           pg_result_int(posted, row, POSTED_VOLUME) != wanted->volume_minor ||
           pg_result_int(posted, row, POSTED_UNCAPPED) != wanted->uncapped_minor ||
           !slice_equal(pg_result_cell(posted, row, POSTED_CUSTOMER_KIND), share->customer_kind) ||
           !slice_equal(pg_result_cell(posted, row, POSTED_LIMITED_BY),
                        commission_limit_name(wanted->limited_by)) ||
           pg_result_int(posted, row, POSTED_BASE) != wanted->base_minor ||
           pg_result_int(posted, row, POSTED_AMOUNT) != wanted->amount_minor ||
           !slice_equal(pg_result_cell(posted, row, POSTED_STATUS),
                        slice_of(commission_status_name(wanted->status))) ||
           pg_result_bool(posted, row, POSTED_APPROVED) != wanted->is_approved ||
           pg_result_int(posted, row, POSTED_HOLD_UNTIL) != wanted->hold_until_us;
}

// --- The difference

static struct posting_sums sums_wanted(const struct commission *wanted)
{
    switch (wanted->status) {
    case COMMISSION_PENDING:
        return (struct posting_sums){.pending_minor = wanted->amount_minor};
    case COMMISSION_AVAILABLE:
        return (struct posting_sums){.available_minor = wanted->amount_minor};
    case COMMISSION_VOID:
        break;
    }
    return (struct posting_sums){0};
}

static void row_add(struct array column[ROW_COLUMNS], const struct share *share, int64_t revision)
{
    array_int(&column[0], share->conversion_id);
    array_int(&column[1], share->partner_id);
    array_int(&column[2], share->program_id);
    array_int(&column[3], share->terms_id);
    array_text(&column[4], share->currency);
    array_int(&column[5], share->wanted.base_minor);
    array_int(&column[6], share->wanted.amount_minor);
    array_text(&column[7], slice_of(commission_status_name(share->wanted.status)));
    array_bool(&column[8], share->wanted.is_approved);
    array_int(&column[9], share->wanted.hold_until_us);
    array_int(&column[10], revision);
    array_int(&column[11], rule_id(share));
    array_int(&column[12], share->month_us);
    array_int(&column[13], share->order.weight_ppm);
    array_int(&column[14], share->wanted.volume_minor);
    array_int(&column[15], share->wanted.uncapped_minor);
    array_text(&column[16], commission_limit_name(share->wanted.limited_by));
    array_text(&column[17], share->customer_kind);
}

static void posting_add(struct array column[POSTING_COLUMNS], const struct share *share, int64_t month_us,
                        int64_t revision, const struct posting *posting)
{
    array_int(&column[0], share->conversion_id);
    array_int(&column[1], share->partner_id);
    array_int(&column[2], share->program_id);
    array_text(&column[3], share->currency);
    array_int(&column[4], revision);
    array_text(&column[5], slice_of(posting->kind));
    array_int(&column[6], posting->expense_minor);
    array_int(&column[7], posting->pending_minor);
    array_int(&column[8], posting->available_minor);
    array_int(&column[9], month_us);
}

static void share_change(struct changes *changes, const struct share *share, const struct posting_sums *sums,
                         int64_t revision, bool differs)
{
    struct posting_sums wanted = sums_wanted(&share->wanted);
    struct posting posting;
    bool posts = posting_make(sums, &wanted, &posting);

    if (posts)
        posting_add(changes->postings, share, share->month_us, revision, &posting);
    if (!posts && !differs)
        return;
    row_add(changes->rows, share, revision);
    changes->n_rows++;
}

// What is posted in the month that the order was in before (0: it was not noted) is taken back there; true:
// it was.
static bool share_leave_month(struct changes *changes, const struct share *share, struct posting_sums *sums,
                              int64_t month_us, int64_t revision)
{
    struct posting posting;

    if (month_us == 0 || month_us == share->month_us ||
        !posting_make(sums, &(struct posting_sums){0}, &posting))
        return false;
    posting_add(changes->postings, share, month_us, revision, &posting);
    *sums = (struct posting_sums){0};
    return true;
}

static void share_compare_posted(struct changes *changes, const struct share *share,
                                 const struct pg_result *posted, size_t row)
{
    struct posting_sums sums = {
        .pending_minor = pg_result_int(posted, row, POSTED_PENDING),
        .available_minor = pg_result_int(posted, row, POSTED_AVAILABLE),
    };
    int64_t revision = pg_result_int(posted, row, POSTED_REVISION) + 1;

    revision += share_leave_month(changes, share, &sums, pg_result_int(posted, row, POSTED_MONTH), revision);
    share_change(changes, share, &sums, revision, row_differs(share, posted, row));
}

// Both sides are sorted by (conversion, partner); shares that are written already are of other conversions.
static void shares_compare(struct changes *changes, const struct share_list *list)
{
    const struct pg_result *posted = list->posted;
    size_t i = 0, row = 0, rows = pg_result_rows(posted);

    while (i < list->n || row < rows) {
        const struct share *share = &list->items[i];
        struct share gone = row < rows ? share_gone(posted, row) : (struct share){0};
        int order = row == rows ? -1 : i == list->n ? 1 : share_compare_id(share, &gone);
        if (order < 0 && share->is_written) {
            if (work_unit_changed(list, share))
                array_int(&changes->due[1], share->conversion_id);
        } else if (order < 0) {
            share_change(changes, share, &(struct posting_sums){0}, 1, true);
        } else {
            share_compare_posted(changes, order == 0 ? share : &gone, posted, row);
        }
        i += order <= 0;
        row += order >= 0;
    }
}

static int changes_write(struct work *work, struct changes *changes)
{
    struct pg_result *posted = NULL;
    int r = work_call(
        work,
        "select clickledger.commission_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
        "$14, $15, $16, $17, $18)",
        changes->rows, ROW_COLUMNS, NULL);
    if (r == 0)
        r = work_call(work, "select clickledger.commission_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                      changes->postings, POSTING_COLUMNS, &posted);
    if (r)
        return r;
    work->counts.commissions += changes->n_rows;
    work->counts.transactions += (uint64_t)pg_result_int(posted, 0, 0);
    pg_result_free(posted);
    work_ids(work, &changes->due[0]);
    return work_call(work, "select clickledger.commission_due($1, $2)", changes->due, 2, NULL);
}

static void changes_free(struct changes *changes)
{
    for (size_t i = 0; i < array_length(changes->rows); i++)
        array_free(&changes->rows[i]);
    for (size_t i = 0; i < array_length(changes->postings); i++)
        array_free(&changes->postings[i]);
    for (size_t i = 0; i < array_length(changes->due); i++)
        array_free(&changes->due[i]);
}

// Facts that speak of fraud, and whose commission they hold.
static int facts_write(struct work *work, struct share_list *list)
{
    struct array ids[1] = {{0}};
    struct pg_result *held = NULL;

    work_ids(work, ids);
    int r = work_call(work, "select * from clickledger.conversion_fact_write($1)", ids, 1, &held);
    if (r)
        return r;
    for (size_t row = 0; row < pg_result_rows(held); row++) {
        for (size_t i = 0; i < list->n; i++) {
            struct share *share = &list->items[i];
            if (share->conversion_id == pg_result_int(held, row, 0) &&
                share->partner_id == pg_result_int(held, row, 1))
                share->order.is_held = true;
        }
    }
    pg_result_free(held);
    return 0;
}

static int shares_load(struct work *work, struct share_list *list)
{
    struct array ids[1] = {{0}};
    int r = shares_collect(work, list);
    size_t n_batch = list->n;

    if (r == 0)
        r = work_lines_share(work, list);
    if (r == 0)
        r = facts_write(work, list);
    work_ids(work, ids);
    if (r == 0)
        r = work_call(work, "select * from clickledger.commission_posted($1)", ids, 1, &list->posted);
    if (r == 0)
        r = work_unit_load(work, list);
    if (r == 0)
        r = work_rules(work, list, n_batch);
    if (r == 0)
        r = work_lines_split(list, n_batch);
    array_free(ids);
    return r;
}

int work_commission(struct work *work)
{
    struct changes changes = {0};
    struct share_list list = {0};
    int r = shares_load(work, &list);

    if (r == 0)
        r = work_unit_compute(&list, work->now_us);
    if (r == 0) {
        work_lines_merge(&list);
        shares_compare(&changes, &list);
        r = changes_write(work, &changes);
    }
    if (r == 0)
        r = work_lines_post(work, &list);
    changes_free(&changes);
    share_list_free(&list);
    return r;
}
