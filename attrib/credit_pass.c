// One question joins all conversions of the period with their touches, which come conversion by conversion;
// each is decided when it is complete, and its credits go into a COPY on a second connection, which shares
// the first one's snapshot. So both servers' processes work at the same time, and memory holds one conversion
// and one chunk. Owner: the command `credit`. Limits: TOUCHES_MAX of one conversion, CHUNK_BYTES.

#include "attrib/credit_pass.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/rulebook.h"
#include "base/clock.h"

#define TOUCHES_MAX        100000
#define CHUNK_BYTES        (1u << 20)
#define CREDIT_BYTES       160 // of one row, at most
#define COPY_HEAD_BYTES    19
#define COPY_TRAILER_BYTES 2
#define UUID_BYTES         16
#define SQL_BYTES          512
#define EPOCH_US           INT64_C(946684800000000) // of PostgreSQL, 2000-01-01

static const char copy_head[COPY_HEAD_BYTES] = "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0";
static const char copy_sql[] = "copy clickledger.credit (conversion_id, touch_kind, touch_id, touch_ts, "
                               "program_id, partner_id, link_id, "
                               "promo_code_id, weight_ppm, amount_minor, model) from stdin (format binary)";

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
    char *chunk;
    size_t chunk_bytes;
};

// --- Writing

static void put(struct run *run, const void *data, size_t bytes)
{
    memcpy(run->chunk + run->chunk_bytes, data, bytes);
    run->chunk_bytes += bytes;
}

static void put_cell(struct run *run, const void *data, size_t bytes)
{
    uint32_t length = htobe32((uint32_t)bytes);

    put(run, &length, sizeof(length));
    put(run, data, bytes);
}

static void put_int(struct run *run, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    put_cell(run, &wire, sizeof(wire));
}

static void put_reference(struct run *run, int64_t id)
{
    static const uint32_t null = UINT32_MAX;

    if (id)
        put_int(run, id);
    else
        put(run, &null, sizeof(null));
}

static void put_text(struct run *run, struct slice text)
{
    put_cell(run, text.data, text.len);
}

static int chunk_flush(struct run *run)
{
    int r = pg_copy_put(run->pass->writer, run->chunk, run->chunk_bytes);

    run->chunk_bytes = 0;
    return r;
}

static int copy_begin(struct run *run)
{
    int r = pg_copy_begin(run->pass->writer, copy_sql);

    put(run, copy_head, sizeof(copy_head));
    return r;
}

static int copy_end(struct run *run)
{
    static const uint16_t trailer = UINT16_MAX;

    put(run, &trailer, sizeof(trailer));
    int r = chunk_flush(run);
    return r ? r : pg_copy_end(run->pass->writer, NULL);
}

static int credit_put(struct run *run, const struct touch *touch, const struct candidate *candidate,
                      struct slice model)
{
    static const uint16_t columns_n = 11;
    uint16_t columns = htobe16(columns_n);
    uint32_t weight = htobe32(touch->weight_ppm);
    int r = run->chunk_bytes + CREDIT_BYTES > CHUNK_BYTES ? chunk_flush(run) : 0;

    if (r)
        return r;
    put(run, &columns, sizeof(columns));
    put_int(run, run->conversion_id);
    put_text(run, slice_of(touch_kind_name(touch->kind)));
    put_cell(run, candidate->id, UUID_BYTES);
    put_int(run, touch->time_us - EPOCH_US);
    put_int(run, touch->program_id);
    put_reference(run, touch->partner_id);
    put_reference(run, candidate->link_id);
    put_reference(run, touch->promo_code_id);
    put_cell(run, &weight, sizeof(weight));
    put_int(run, touch->amount_minor);
    put_text(run, model);
    run->pass->credits++;
    return 0;
}

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
    struct slice model =
        result.is_bound ? SLICE("bound") : slice_of(model_name(attribution.policy->model.kind));
    for (size_t i = 0; r == 0 && i < run->n; i++) {
        if (run->touches[i].weight_ppm > 0)
            r = credit_put(run, &run->touches[i], &run->candidates[i], model);
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
    int64_t at_us = cell_int(cell[STREAM_AT]) + EPOCH_US;

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
    run->time_us = cell_int(cell[STREAM_AT]) + EPOCH_US;
    run->amount_minor = cell_int(cell[STREAM_AMOUNT]);
    run->pass->conversions++;
    return r;
}

static int rows_take(struct run *run)
{
    struct slice row;
    bool is_first = true;
    int r = copy_begin(run);

    if (r)
        return r;
    while ((r = pg_read_row(run->pass->reader, &row)) == 0 && row.data) {
        if (is_first) {
            if (row.len < COPY_HEAD_BYTES || memcmp(row.data, copy_head, COPY_HEAD_BYTES) != 0)
                return -EBADMSG;
            row = (struct slice){row.data + COPY_HEAD_BYTES, row.len - COPY_HEAD_BYTES};
            is_first = false;
        }
        if (row.len > 2)
            r = row_take(run, row);
        if (r)
            return r;
    }
    if (r == 0)
        r = conversion_decide(run);
    return r ? r : copy_end(run);
}

// --- The pass

static int reader_begin(struct run *run)
{
    struct pg_result *snapshot = NULL;
    char sql[SQL_BYTES];
    int r = pg_query(run->pass->writer, "select pg_export_snapshot()", NULL, 0, &snapshot);

    if (r)
        return r;
    snprintf(sql, sizeof(sql),
             "begin isolation level repeatable read read only; set transaction snapshot '%s'",
             pg_result_cell(snapshot, 0, 0).data);
    pg_result_free(snapshot);
    r = pg_exec(run->pass->reader, sql);
    return r ? r : pg_exec(run->pass->reader, "set local work_mem = '256MB'");
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

static int period_call(struct run *run, const char *sql)
{
    struct pg_param params[] = {pg_int(run->pass->from_us), pg_int(run->pass->to_us)};
    uint64_t begun_ms = clock_monotonic_ms();
    int r = pg_query(run->pass->writer, sql, params, array_length(params), NULL);

    run->pass->rollup_ms += clock_monotonic_ms() - begun_ms;
    return r;
}

static int run_steps(struct run *run)
{
    int r = pg_exec(run->pass->writer, "begin isolation level repeatable read");

    if (r == 0)
        r = reader_begin(run);
    if (r == 0)
        r = rulebook_load(&run->book, run->pass->writer);
    if (r == 0)
        r = period_call(
            run, "select clickledger.credit_pass_begin(clickledger.us_time($1), clickledger.us_time($2))");
    uint64_t begun_ms = clock_monotonic_ms();
    if (r == 0)
        r = stream_begin(run);
    if (r == 0)
        r = rows_take(run);
    run->pass->credit_ms = clock_monotonic_ms() - begun_ms;
    if (r == 0)
        r = period_call(
            run, "select clickledger.credit_pass_end(clickledger.us_time($1), clickledger.us_time($2))");
    if (r == 0)
        r = pg_exec(run->pass->reader, "commit");
    return r ? r : pg_exec(run->pass->writer, "commit");
}

int credit_pass_run(struct credit_pass *pass)
{
    struct run run = {.pass = pass, .chunk = malloc(CHUNK_BYTES + COPY_TRAILER_BYTES)};
    int r = run.chunk ? run_steps(&run) : -ENOMEM;

    rulebook_free(&run.book);
    free(run.touches);
    free(run.candidates);
    free(run.chunk);
    return r;
}
