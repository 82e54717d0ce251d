// One question joins all conversions of the period with their touches, which come conversion by conversion;
// each is decided when it is complete, and its credits go into a COPY on one of several further connections,
// which share the first one's snapshot. So several processes of the server work at the same time, and memory
// holds one conversion and a chunk for each. Every writer has hours of its own, so that no two want the same
// row of the rollup, and each takes credits, rollup and list of its hours in one transaction. Owner: the
// command `credit`. Limit: TOUCHES_MAX of one conversion.

#include "attrib/credit_pass.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/credit_copy.h"
#include "attrib/rulebook.h"
#include "base/clock.h"
#include "base/copy_cell.h"

#define TOUCHES_MAX 100000
#define UUID_BYTES  16
#define SQL_BYTES   512
#define HOUR_US     INT64_C(3600000000) // of the rollup

// A touch beside what only its credit's row needs.
struct candidate {
    uint8_t id[UUID_BYTES];
    int64_t link_id;
};

struct run {
    struct credit_pass *pass;
    struct rulebook book;
    struct touch *touches;
    struct candidate *candidates; // by the touches' places
    size_t n, size;
    int64_t conversion_id, program_id, time_us, amount_minor; // 0: there is no conversion yet
    struct credit_copy copies[CREDIT_WRITERS];
};

// --- Deciding

static int conversion_decide(struct run *run)
{
    struct attribution attribution = {
        .program_id = run->program_id,
        .time_us = run->time_us,
        .amount_minor = run->amount_minor,
        .policy = rulebook_policy(&run->book, run->program_id, run->time_us),
    };
    int r = 0;

    if (run->n == 0)
        return 0;
    for (size_t i = 0; i < run->n; i++)
        run->touches[i].id = (struct slice){(const char *)run->candidates[i].id, UUID_BYTES};
    struct attribution_result result = attribution_decide(&attribution, run->touches, run->n);
    struct credit_copy *copy = &run->copies[run->time_us / HOUR_US % CREDIT_WRITERS];
    struct slice model =
        result.is_bound ? SLICE("bound") : slice_of(model_name(attribution.policy->model.kind));
    for (size_t i = 0; r == 0 && i < run->n; i++) {
        if (run->touches[i].weight_ppm > 0)
            r = credit_copy_put(copy, &run->touches[i], run->conversion_id, run->candidates[i].link_id,
                                model);
    }
    run->n = 0;
    return r;
}

// --- Reading

enum stream_cell {
    STREAM_CONVERSION,
    STREAM_KIND,
    STREAM_ID,
    STREAM_AT,
    STREAM_PROGRAM,
    STREAM_PARTNER,
    STREAM_LINK,
    STREAM_PROMO_CODE,
    STREAM_MARKS,
    STREAM_AMOUNT,
    STREAM_CELLS
};

#define MARK_ACTIVE   1
#define MARK_OF_ORDER 2
#define MARK_BOUND    4

static bool cells_split(struct slice row, struct slice cell[STREAM_CELLS])
{
    const char *at = row.data + 2, *end = row.data + row.len;

    for (int i = 0; i < STREAM_CELLS; i++) {
        uint32_t length;
        if (end - at < 4)
            return false;
        memcpy(&length, at, sizeof(length));
        length = be32toh(length);
        at += 4;
        cell[i] = length == UINT32_MAX ? SLICE_NONE : (struct slice){at, length};
        if (cell[i].len > (size_t)(end - at))
            return false;
        at += cell[i].len;
    }
    return at == end;
}

static int64_t cell_int(struct slice cell)
{
    uint64_t value = 0;

    for (size_t i = 0; i < cell.len && i < sizeof(value); i++)
        value = value << 8 | (uint8_t)cell.data[i];
    return (int64_t)value;
}

static bool touches_reserve(struct run *run)
{
    if (run->n < run->size)
        return true;
    size_t size = run->size ? 2 * run->size : 64;
    struct touch *touches = reallocarray(run->touches, size, sizeof(touches[0]));
    if (touches)
        run->touches = touches;
    struct candidate *candidates = reallocarray(run->candidates, size, sizeof(candidates[0]));
    if (candidates)
        run->candidates = candidates;
    if (!touches || !candidates)
        return false;
    run->size = size;
    return true;
}

static int touch_take(struct run *run, const struct slice cell[STREAM_CELLS])
{
    int64_t kind = cell_int(cell[STREAM_KIND]) - 1, marks = cell_int(cell[STREAM_MARKS]);
    int64_t partner_id = cell_int(cell[STREAM_PARTNER]), program_id = cell_int(cell[STREAM_PROGRAM]);
    int64_t at_us = cell_int(cell[STREAM_AT]) + COPY_EPOCH_US;

    if (kind >= TOUCH_KINDS || cell[STREAM_ID].len != UUID_BYTES || run->n == TOUCHES_MAX)
        return -EBADMSG;
    if (!touches_reserve(run))
        return -ENOMEM;
    run->touches[run->n] = (struct touch){
        .kind = (enum touch_kind)kind,
        .is_human = true,
        .is_active = marks & MARK_ACTIVE,
        .is_of_order = marks & MARK_OF_ORDER,
        .is_bound = marks & MARK_BOUND,
        .time_us = at_us,
        .window_us = rulebook_window_us(&run->book, program_id, partner_id, at_us),
        .program_id = program_id,
        .partner_id = partner_id,
        .promo_code_id = cell_int(cell[STREAM_PROMO_CODE]),
    };
    memcpy(run->candidates[run->n].id, cell[STREAM_ID].data, UUID_BYTES);
    run->candidates[run->n].link_id = cell_int(cell[STREAM_LINK]);
    run->n++;
    run->pass->touches++;
    return 0;
}

static int row_take(struct run *run, struct slice row)
{
    struct slice cell[STREAM_CELLS];

    if (!cells_split(row, cell))
        return -EBADMSG;
    if (cell_int(cell[STREAM_KIND]) > 0)
        return cell_int(cell[STREAM_CONVERSION]) == run->conversion_id ? touch_take(run, cell) : -EBADMSG;
    int r = conversion_decide(run);
    run->conversion_id = cell_int(cell[STREAM_CONVERSION]);
    run->program_id = cell_int(cell[STREAM_PROGRAM]);
    run->time_us = cell_int(cell[STREAM_AT]) + COPY_EPOCH_US;
    run->amount_minor = cell_int(cell[STREAM_AMOUNT]);
    run->pass->conversions++;
    return r;
}

static int rows_take(struct run *run)
{
    struct slice row;
    bool is_first = true;
    int r;

    while ((r = pg_read_row(run->pass->reader, &row)) == 0 && row.data) {
        if (is_first) {
            if (row.len < COPY_HEADER_BYTES || memcmp(row.data, copy_header, COPY_HEADER_BYTES) != 0)
                return -EBADMSG;
            row = (struct slice){row.data + COPY_HEADER_BYTES, row.len - COPY_HEADER_BYTES};
            is_first = false;
        }
        if (row.len > 2)
            r = row_take(run, row);
        if (r)
            return r;
    }
    return r ? r : conversion_decide(run);
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

static int stream_begin(struct run *run)
{
    struct pg_result *reach = NULL;
    char sql[SQL_BYTES];
    int r = pg_query(run->pass->reader, "select extract(epoch from clickledger.touch_reach())::bigint", NULL,
                     0, &reach);

    if (r)
        return r;
    int64_t reach_s = pg_result_int(reach, 0, 0);
    pg_result_free(reach);
    snprintf(sql, sizeof(sql),
             "copy (select * from clickledger.touch_stream(to_timestamp(%" PRId64 "), to_timestamp(%" PRId64
             "), to_timestamp(%" PRId64 "), interval '%" PRId64 " s')) to stdout (format binary)",
             run->pass->from_us / 1000000, run->pass->to_us / 1000000, run->pass->from_us / 1000000 - reach_s,
             reach_s);
    return pg_read_begin(run->pass->reader, sql);
}

static int credits_write(struct run *run)
{
    struct credit_pass *pass = run->pass;
    uint64_t begun_ms = clock_monotonic_ms(), credits = 0;
    int r = 0;

    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++)
        r = credit_copy_begin(&run->copies[i], pass->writers[i]);
    if (r == 0)
        r = stream_begin(run);
    if (r == 0)
        r = rows_take(run);
    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++) {
        r = credit_copy_end(&run->copies[i], &credits);
        pass->credits += credits;
    }
    pass->credit_ms = clock_monotonic_ms() - begun_ms;
    return r;
}

// A step of a writer for its hours of the period.
static int hours_call(struct run *run, int writer, const char *sql)
{
    struct credit_pass *pass = run->pass;
    struct pg_param params[] = {pg_int(pass->from_us), pg_int(pass->to_us), pg_int(writer),
                                pg_int(CREDIT_WRITERS)};
    uint64_t begun_ms = clock_monotonic_ms();
    int r = pg_query(pass->writers[writer], sql, params, array_length(params), NULL);

    pass->rollup_ms += clock_monotonic_ms() - begun_ms;
    return r;
}

static int run_steps(struct run *run)
{
    struct credit_pass *pass = run->pass;
    int r = snapshot_share(run);

    if (r == 0)
        r = rulebook_load(&run->book, pass->writers[0]);
    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++)
        r = hours_call(run, i, "select clickledger.credit_hours_begin($1, $2, $3, $4)");
    if (r == 0)
        r = credits_write(run);
    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++)
        r = hours_call(run, i, "select clickledger.credit_hours_end($1, $2, $3, $4)");
    for (int i = 0; r == 0 && i < CREDIT_WRITERS; i++)
        r = pg_exec(pass->writers[i], "commit");
    return r ? r : pg_exec(pass->reader, "commit");
}

int credit_pass_run(struct credit_pass *pass)
{
    struct run run = {.pass = pass};
    int r = run_steps(&run);

    rulebook_free(&run.book);
    free(run.touches);
    free(run.candidates);
    for (int i = 0; i < CREDIT_WRITERS; i++)
        credit_copy_free(&run.copies[i]);
    return r;
}
