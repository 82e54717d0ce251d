// Conversions of the period are read batch by batch with all their touches and decided, and their credits go
// into a COPY on one of several connections, which share a snapshot with the reader, so that several
// processes of the server write at the same time. Memory holds one batch. Every writer has hours of its own,
// so that no two want the same row of the rollup, and each takes credits, rollup and list of its hours in one
// transaction. Owner: the command `credit`. Limit: CANDIDATES_MAX touches of one conversion.

#include "attrib/credit_pass.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/credit_batch.h"
#include "attrib/credit_copy.h"
#include "attrib/rulebook.h"
#include "base/clock.h"

#define ORDER_ROOM 20 // visitors and touches of a conversion, on average of a batch
#define SQL_BYTES  512
#define HOUR_US    INT64_C(3600000000) // of the rollup

struct run {
    struct credit_pass *pass;
    struct rulebook book;
    struct credit_batch batch;
    struct touch *touches;            // CANDIDATES_MAX
    const struct candidate **sources; // by the touches' places
    struct credit_copy copies[CREDIT_WRITERS];
};

// --- Deciding

static void touches_gather(struct run *run, const struct candidate_order *order)
{
    const struct candidate *source;
    size_t n = 0;

    for (uint32_t i = order->first; i != CANDIDATE_NONE; i = source->next) {
        source = &run->batch.candidates.list[i];
        run->sources[n] = source;
        run->touches[n++] = (struct touch){
            .kind = (enum touch_kind)source->kind,
            .is_human = true,
            .is_active = source->marks & TOUCH_MARK_ACTIVE,
            .is_of_order = source->marks & TOUCH_MARK_OF_ORDER,
            .is_bound = source->marks & TOUCH_MARK_BOUND,
            .id = {(const char *)source->id, CANDIDATE_ID_BYTES},
            .time_us = source->time_us,
            .window_us =
                rulebook_window_us(&run->book, source->program_id, source->partner_id, source->time_us),
            .program_id = source->program_id,
            .partner_id = source->partner_id,
            .promo_code_id = source->promo_code_id,
        };
    }
}

static int order_decide(struct run *run, const struct candidate_order *order)
{
    struct attribution attribution = {
        .program_id = order->program_id,
        .time_us = order->time_us,
        .amount_minor = order->amount_minor,
        .policy = rulebook_policy(&run->book, order->program_id, order->time_us),
    };
    int r = 0;

    if (order->n == 0)
        return 0;
    touches_gather(run, order);
    struct attribution_result result = attribution_decide(&attribution, run->touches, order->n);
    struct credit_copy *copy = &run->copies[order->time_us / HOUR_US % CREDIT_WRITERS];
    struct slice model =
        result.is_bound ? SLICE("bound") : slice_of(model_name(attribution.policy->model.kind));
    for (size_t i = 0; r == 0 && i < order->n; i++) {
        if (run->touches[i].weight_ppm > 0)
            r = credit_copy_put(copy, &run->touches[i], order->conversion_id, run->sources[i]->link_id,
                                model);
    }
    return r;
}

static int batch_decide(struct run *run)
{
    const struct candidates *candidates = &run->batch.candidates;
    int r = 0;

    for (size_t i = 0; r == 0 && i < candidates->n_orders; i++)
        r = order_decide(run, &candidates->orders[i]);
    run->pass->batches++;
    run->pass->conversions += candidates->n_orders;
    run->pass->touches += candidates->n;
    return r;
}

// Batch after batch, a smaller one where there is not room, and then larger ones again.
static int batches_decide(struct run *run)
{
    struct credit_batch *batch = &run->batch;
    const struct candidates *candidates = &batch->candidates;
    int r;

    while ((r = credit_batch_read(batch)) == 0 && candidates->n_orders > 0) {
        if (credit_batch_is_large(batch)) {
            batch->orders_max = candidates->n_orders / 2;
            continue;
        }
        r = batch_decide(run);
        if (r)
            return r;
        batch->after_id = candidates->orders[candidates->n_orders - 1].conversion_id;
        batch->orders_max = min_of(2 * batch->orders_max, run->pass->orders_max);
    }
    return r;
}

// --- The pass

static int snapshot_share(struct run *run)
{
    struct credit_pass *pass = run->pass;
    struct pg_result *snapshot = NULL;
    char sql[SQL_BYTES];
    int r = pg_exec(pass->writers[0], "begin isolation level repeatable read");

    if (r == 0)
        r = pg_query(pass->writers[0], "select pg_export_snapshot()", NULL, 0, &snapshot);
    if (r)
        return r;
    snprintf(sql, sizeof(sql), "begin isolation level repeatable read; set transaction snapshot '%s'",
             pg_result_cell(snapshot, 0, 0).data);
    pg_result_free(snapshot);
    for (int i = 1; r == 0 && i < CREDIT_WRITERS; i++)
        r = pg_exec(pass->writers[i], sql);
    if (r == 0)
        r = pg_exec(pass->reader, sql);
    return r ? r : pg_exec(pass->reader, "set transaction read only; set local work_mem = '256MB'");
}

static int credits_write(struct run *run)
{
    struct credit_pass *pass = run->pass;
    uint64_t begun_ms = clock_monotonic_ms(), credits = 0;
    int r = 0;

    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++)
        r = credit_copy_begin(&run->copies[i], pass->writers[i]);
    if (r == 0)
        r = credit_batch_begin(&run->batch);
    if (r == 0)
        r = batches_decide(run);
    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++) {
        r = credit_copy_end(&run->copies[i], &credits);
        pass->credits += credits;
    }
    pass->credit_ms = clock_monotonic_ms() - begun_ms;
    return r;
}

// A step of all writers at the same time, each for its hours of the period.
static int hours_call(struct run *run, const char *sql)
{
    struct credit_pass *pass = run->pass;
    uint64_t begun_ms = clock_monotonic_ms();
    int r = 0, begun = 0;

    for (; r == 0 && begun < CREDIT_WRITERS; begun++) {
        struct pg_param params[] = {pg_int(pass->from_us), pg_int(pass->to_us), pg_int(begun),
                                    pg_int(CREDIT_WRITERS)};
        r = pg_start(pass->writers[begun], sql, params, array_length(params));
    }
    for (int i = 0; r == 0 && i < begun; i++)
        r = pg_await(pass->writers[i], NULL);
    pass->rollup_ms += clock_monotonic_ms() - begun_ms;
    return r;
}

static int run_steps(struct run *run)
{
    struct credit_pass *pass = run->pass;
    int r = snapshot_share(run);

    if (r == 0)
        r = rulebook_load(&run->book, pass->writers[0]);
    if (r == 0)
        r = hours_call(run, "select clickledger.credit_hours_begin($1, $2, $3, $4)");
    if (r == 0)
        r = credits_write(run);
    if (r == 0)
        r = hours_call(run, "select clickledger.credit_hours_end($1, $2, $3, $4)");
    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++)
        r = pg_exec(pass->writers[i], "commit");
    return r ? r : pg_exec(pass->reader, "commit");
}

int credit_pass_run(struct credit_pass *pass)
{
    struct run run = {
        .pass = pass,
        .batch = {.pg = pass->reader,
                  .from_us = pass->from_us,
                  .to_us = pass->to_us,
                  .orders_max = pass->orders_max,
                  .room_max = pass->orders_max * ORDER_ROOM},
        .touches = calloc(CANDIDATES_MAX, sizeof(run.touches[0])),
        .sources = calloc(CANDIDATES_MAX, sizeof(run.sources[0])),
    };
    int r = run.touches && run.sources ? run_steps(&run) : -ENOMEM;

    rulebook_free(&run.book);
    credit_batch_free(&run.batch);
    free(run.touches);
    free(run.sources);
    for (int i = 0; i < CREDIT_WRITERS; i++)
        credit_copy_free(&run.copies[i]);
    return r;
}
