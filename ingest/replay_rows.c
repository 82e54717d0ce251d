// Rows of a dead letter. Owner: replay. The same steps as a load's: lock the producer, COPY, count, move the
// counters, COMMIT. The letter is locked behind the producer and looked at again, so that two replays at once
// put it in once. Invariant: the producer's `hits` stay, what leaves `dead` comes into `stored`.

#include "ingest/replay_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/click_id.h"
#include "base/clock.h"
#include "ingest/days.h"
#include "ingest/producer_row.h"
#include "ingest/rollups.h"
#include "ingest/row_copy.h"

struct replay_rows {
    struct row_batch batches[COPY_TABLES];
    struct days days;
    uint64_t today;
    char *reason; // of the running call
    bool refused;
};

struct replay_rows *replay_rows_new(void)
{
    return calloc(1, sizeof(struct replay_rows));
}

struct replay_rows *replay_rows_free(struct replay_rows *rows)
{
    if (rows) {
        for (size_t i = 0; i < COPY_TABLES; i++)
            row_batch_deinit(&rows->batches[i]);
        free(rows);
    }
    return NULL;
}

static int refuse(struct replay_rows *rows, const char *why)
{
    if (!rows->refused)
        snprintf(rows->reason, LETTER_REASON_BYTES, "%s", why);
    rows->refused = true;
    return REPLAY_REFUSED;
}

// --- Hits

static int hit_take(struct replay_rows *rows, const struct letter *letter, const struct hit *hit,
                    struct slice record)
{
    struct copy_origin origin = {letter->producer, letter->seq, XXH3_64bits(record.data, record.len)};
    enum copy_table table = copy_table_of(hit->kind);
    uint64_t day = click_id_ms(hit->id) / COPY_DAY_MS;

    if (table != COPY_REPORT &&
        (day + COPY_DAYS_BACK_MAX < rows->today || day > rows->today + COPY_DAYS_AHEAD_MAX))
        return refuse(rows, "its time is too far from now");
    int r = row_batch_add(&rows->batches[table], hit, &origin, record, 0, 0);
    if (r > 0)
        return refuse(rows, copy_condition_name(r));
    if (r == 0 && table != COPY_REPORT)
        days_need(&rows->days, table, day, rows->today);
    return r;
}

static int record_take(struct replay_rows *rows, const struct letter *letter, struct slice record)
{
    struct hit hit;
    int condition = hit_decode(record.data, record.len, &hit);

    return condition ? refuse(rows, hit_condition_name(condition)) : hit_take(rows, letter, &hit, record);
}

static int records_take(struct replay_rows *rows, const struct letter *letter, struct slice bytes)
{
    struct bytes_reader reader = bytes_reader(bytes.data, bytes.len);
    char text[96];
    uint64_t n = 0;
    struct hit hit;
    struct slice record;
    int condition, r = 0;

    while (r == 0 && (condition = hit_next(&reader, &hit, &record)) != HIT_END) {
        if (condition)
            return refuse(rows, hit_condition_name(condition));
        r = hit_take(rows, letter, &hit, record);
        n++;
    }
    if (r || n == letter->hits)
        return r;
    snprintf(text, sizeof(text), "it stands for %llu hits, these are %llu", (unsigned long long)letter->hits,
             (unsigned long long)n);
    return refuse(rows, text);
}

static int batches_fill(struct replay_rows *rows, const struct letter *letter, struct slice bytes)
{
    for (size_t i = 0; i < COPY_TABLES; i++)
        row_batch_clear(&rows->batches[i]);
    days_begin(&rows->days);
    if (bytes.len == 0)
        return refuse(rows, "it holds no bytes");
    if (letter->hits == 0)
        return refuse(rows, "it stands for no hit");
    return letter->hits == 1 ? record_take(rows, letter, bytes) : records_take(rows, letter, bytes);
}

// --- The transaction

static int on_refused(void *ctx, const struct batch_row *row, enum row_refusal refusal, const char *why)
{
    struct replay_rows *rows = ctx;
    const char *const reasons[] = {[ROW_REFUSED] = why,
                                   [ROW_THERE] = "the id is there, with the same content",
                                   [ROW_THERE_DIFFERS] = "the id is there, with other content"};

    (void)row;
    return refuse(rows, reasons[refusal]);
}

static int rows_store(struct replay_rows *rows, struct pg *pg, unsigned shard)
{
    int r = 0;

    for (enum copy_table table = 0; r == 0 && table < COPY_TABLES; table++)
        r = row_copy(pg, table, (struct part){COPY_ANY_DAY, 0}, &rows->batches[table], on_refused, rows);
    if (r == 0)
        r = rollups_add(pg, shard, rows->batches);
    return r ? r : days_tell_late(&rows->days, pg, rows->today);
}

static int producer_move(struct pg *pg, const struct letter *letter, struct producer_row *row)
{
    row->dead -= letter->hits;
    row->stored += letter->hits;
    int r = producer_row_save(pg, row);
    return r ? r : letter_done(pg, letter->id);
}

static int transaction_body(struct replay_rows *rows, struct pg *pg, const struct letter *letter)
{
    struct producer_row row;
    struct letter again = {0};
    bool found = false;

    memcpy(row.producer, letter->producer, PRODUCER_BYTES);
    int r = producer_rows_lock(pg, letter->shard, &row, 1);
    if (r == 0)
        r = letter_read(pg, letter->id, &again, &found);
    letter_free(&again);
    if (r == 0 && (!found || again.replayed))
        return refuse(rows, "it was replayed meanwhile");
    if (r == 0 && (row.foreign || row.dead < letter->hits))
        return refuse(rows, "its producer does not count it as dead");
    if (r == 0)
        r = rows_store(rows, pg, letter->shard);
    return r ? r : producer_move(pg, letter, &row);
}

int replay_rows_run(struct replay_rows *rows, struct pg *pg, const struct letter *letter, struct slice bytes,
                    bool dry_run, char reason[LETTER_REASON_BYTES])
{
    rows->reason = reason;
    rows->refused = false;
    rows->today = clock_wall_ms() / COPY_DAY_MS;
    if (!letter->placed)
        return refuse(rows, "its producer is not known");
    int r = batches_fill(rows, letter, bytes);
    if (r == 0)
        r = days_make_missing(&rows->days, pg);
    if (r == 0)
        r = pg_exec(pg, "begin");
    if (r)
        return r;
    r = transaction_body(rows, pg, letter);
    if (r == PG_LOST)
        return r;
    int end = pg_exec(pg, r || dry_run ? "rollback" : "commit");
    return r ? r : end;
}
