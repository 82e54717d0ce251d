// Third step: what each credited partner should get is computed unit by unit and compared with what is
// written and posted; only the difference is written and posted. Owner: the work. Invariant: commission row
// and ledger change together, and the row's revision is in the transaction's key.

#include "attrib/work.h"

#include <errno.h>
#include <stdlib.h>

#include "attrib/commission.h"
#include "attrib/posting.h"

enum posted_column {
    POSTED_CONVERSION,
    POSTED_PARTNER,
    POSTED_PROGRAM,
    POSTED_CURRENCY,
    POSTED_TERMS,
    POSTED_BASE,
    POSTED_AMOUNT,
    POSTED_STATUS,
    POSTED_APPROVED,
    POSTED_HOLD_UNTIL,
    POSTED_REVISION,
    POSTED_PENDING,
    POSTED_AVAILABLE,
};

// A partner's part of a conversion: what it should be, and what it is.
struct share {
    int64_t conversion_id, partner_id, program_id, month_us;
    struct slice currency;
    struct commission_order order;
    struct commission wanted;
};

// Columns of commission_write() and commission_post().
struct changes {
    struct array rows[11], postings[9];
    uint64_t n_rows;
};

// --- What should be

static struct commission_terms terms_of(const struct pg_result *rows, size_t row)
{
    bool is_fixed = slice_equal(pg_result_cell(rows, row, TOUCH_COMMISSION_KIND), SLICE("fixed"));

    return (struct commission_terms){
        .id = pg_result_int(rows, row, TOUCH_TERMS),
        .kind = is_fixed ? COMMISSION_FIXED : COMMISSION_PERCENT,
        .rate_ppm = pg_result_int(rows, row, TOUCH_RATE),
        .fixed_minor = pg_result_int(rows, row, TOUCH_FIXED),
        .hold_us = pg_result_int(rows, row, TOUCH_HOLD),
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
        .currency = order->currency,
        .order = {.id = order->conversion_id,
                  .time_us = order->state.occurred_at_us,
                  .status = order->state.status,
                  .amount_minor = order->state.amount_minor,
                  .refunded_minor = order->state.refunded_minor,
                  .weight_ppm = touch->weight_ppm,
                  .terms = terms_of(work->touch_rows, touch_row)},
    };
}

// A partner with several credits has one commission, by the terms of its latest touch: rows of touches are
// sorted by time, the latest first.
static void share_add(struct share shares[], size_t *n, struct share share)
{
    for (size_t i = *n; i > 0 && shares[i - 1].conversion_id == share.conversion_id; i--) {
        if (shares[i - 1].partner_id == share.partner_id) {
            shares[i - 1].order.weight_ppm += share.order.weight_ppm;
            return;
        }
    }
    shares[(*n)++] = share;
}

// A credit without terms in force at its touch earns nothing.
static size_t shares_collect(const struct work *work, struct share shares[])
{
    size_t n = 0;

    for (size_t i = 0; i < work->n; i++) {
        const struct order *order = &work->orders[i];
        for (size_t touch = order->touch_from; touch < order->touch_to; touch++) {
            if (work->touches[touch].weight_ppm > 0 &&
                !pg_result_is_null(work->touch_rows, touch, TOUCH_TERMS))
                share_add(shares, &n, share_of(work, order, touch));
        }
    }
    return n;
}

#define COMPARE(member)                                                                                      \
    if (a->member != b->member)                                                                              \
    return a->member < b->member ? -1 : 1

static int unit_compare(const struct share *a, const struct share *b)
{
    COMPARE(program_id);
    COMPARE(partner_id);
    COMPARE(month_us);
    return 0;
}

static int share_compare_unit(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    int order = unit_compare(a, b);

    if (order)
        return order;
    COMPARE(order.time_us);
    COMPARE(order.id);
    return 0;
}

static int share_compare_id(const void *left, const void *right)
{
    const struct share *a = left, *b = right;

    COMPARE(conversion_id);
    COMPARE(partner_id);
    return 0;
}

static void unit_compute(struct share shares[], size_t n, int64_t now_us, struct commission_order orders[],
                         struct commission out[])
{
    for (size_t i = 0; i < n; i++)
        orders[i] = shares[i].order;
    commission_compute(orders, n, now_us, out);
    for (size_t i = 0; i < n; i++)
        shares[i].wanted = out[i];
}

static int shares_compute(struct share shares[], size_t n, int64_t now_us)
{
    struct commission_order *orders = calloc(n + 1, sizeof(*orders));
    struct commission *out = calloc(n + 1, sizeof(*out));
    int r = orders && out ? 0 : -ENOMEM;

    qsort(shares, n, sizeof(shares[0]), share_compare_unit);
    for (size_t from = 0, to; r == 0 && from < n; from = to) {
        for (to = from + 1; to < n && unit_compare(&shares[from], &shares[to]) == 0;)
            to++;
        unit_compute(&shares[from], to - from, now_us, orders, out);
    }
    qsort(shares, n, sizeof(shares[0]), share_compare_id);
    free(orders);
    free(out);
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
        .order.terms.id = pg_result_int(posted, row, POSTED_TERMS),
        .wanted = {.status = COMMISSION_VOID, .hold_until_us = pg_result_int(posted, row, POSTED_HOLD_UNTIL)},
    };
}

static bool row_differs(const struct share *share, const struct pg_result *posted, size_t row)
{
    const struct commission *wanted = &share->wanted;

    return pg_result_int(posted, row, POSTED_TERMS) != share->order.terms.id ||
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

static void row_add(struct array column[11], const struct share *share, int64_t revision)
{
    array_int(&column[0], share->conversion_id);
    array_int(&column[1], share->partner_id);
    array_int(&column[2], share->program_id);
    array_int(&column[3], share->order.terms.id);
    array_text(&column[4], share->currency);
    array_int(&column[5], share->wanted.base_minor);
    array_int(&column[6], share->wanted.amount_minor);
    array_text(&column[7], slice_of(commission_status_name(share->wanted.status)));
    array_bool(&column[8], share->wanted.is_approved);
    array_int(&column[9], share->wanted.hold_until_us);
    array_int(&column[10], revision);
}

static void posting_add(struct array column[9], const struct share *share, int64_t revision,
                        const struct posting *posting)
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
}

static void share_change(struct changes *changes, const struct share *share, const struct posting_sums *sums,
                         int64_t revision, bool differs)
{
    struct posting_sums wanted = sums_wanted(&share->wanted);
    struct posting posting;
    bool posts = posting_make(sums, &wanted, &posting);

    if (posts)
        posting_add(changes->postings, share, revision, &posting);
    if (!posts && !differs)
        return;
    row_add(changes->rows, share, revision);
    changes->n_rows++;
}

static void share_compare_posted(struct changes *changes, const struct share *share,
                                 const struct pg_result *posted, size_t row)
{
    struct posting_sums sums = {
        .pending_minor = pg_result_int(posted, row, POSTED_PENDING),
        .available_minor = pg_result_int(posted, row, POSTED_AVAILABLE),
    };
    share_change(changes, share, &sums, pg_result_int(posted, row, POSTED_REVISION) + 1,
                 row_differs(share, posted, row));
}

// Both sides are sorted by (conversion, partner).
static void shares_compare(struct changes *changes, const struct share shares[], size_t n,
                           const struct pg_result *posted)
{
    size_t i = 0, row = 0, rows = pg_result_rows(posted);

    while (i < n || row < rows) {
        struct share gone = row < rows ? share_gone(posted, row) : (struct share){0};
        int order = row == rows ? -1 : i == n ? 1 : share_compare_id(&shares[i], &gone);
        if (order < 0)
            share_change(changes, &shares[i], &(struct posting_sums){0}, 1, true);
        else
            share_compare_posted(changes, order == 0 ? &shares[i] : &gone, posted, row);
        i += order <= 0;
        row += order >= 0;
    }
}

static int changes_write(struct work *work, struct changes *changes)
{
    struct pg_result *posted = NULL;
    int r =
        work_call(work, "select clickledger.commission_write($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                  changes->rows, 11, NULL);
    if (r == 0)
        r = work_call(work, "select clickledger.commission_post($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                      changes->postings, 9, &posted);
    if (r)
        return r;
    work->counts.commissions += changes->n_rows;
    work->counts.transactions += (uint64_t)pg_result_int(posted, 0, 0);
    pg_result_free(posted);
    return 0;
}

int work_commission(struct work *work)
{
    struct changes changes = {0};
    struct array ids[1] = {{0}};
    struct pg_result *posted = NULL;
    struct share *shares = calloc(work->n_touches + 1, sizeof(*shares)); // at most one a touch

    if (!shares)
        return -ENOMEM;
    size_t n = shares_collect(work, shares);
    int r = shares_compute(shares, n, work->now_us);
    work_ids(work, ids);
    if (r == 0)
        r = work_call(work, "select * from clickledger.commission_posted($1)", ids, 1, &posted);
    if (r == 0) {
        shares_compare(&changes, shares, n, posted);
        r = changes_write(work, &changes);
    }
    for (size_t i = 0; i < array_length(changes.rows); i++)
        array_free(&changes.rows[i]);
    for (size_t i = 0; i < array_length(changes.postings); i++)
        array_free(&changes.postings[i]);
    array_free(ids);
    pg_result_free(posted);
    free(shares);
    return r;
}
