// The loading transaction: lock the producers, decide frame by frame, COPY, count, move the producers,
// COMMIT. Owner: one per shard. Invariants: for every producer hits = stored + dead + lost, moved here and
// nowhere else; a hit is counted as stored only when its row went in. Limits: load_limits,
// PRODUCERS_PER_LOAD_MAX producers.

#include "ingest/loader.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/click_id.h"
#include "base/log.h"
#include "ingest/days.h"
#include "ingest/dead_letter.h"
#include "ingest/rollups.h"
#include "ingest/row_copy.h"
#include "ingest/unpacked.h"

#define DAYS_ROUNDS_MAX 8

struct loader {
    struct load_limits limits;
    struct row_batch batches[COPY_TABLES];
    struct loaded_producer producers[PRODUCERS_PER_LOAD_MAX];
    size_t n_producers;
    struct days days;
    struct unpacked unpacked;

    // Of the running transaction:
    struct pg *pg;
    unsigned shard;
    uint64_t today;
    const struct delivery *deliveries;
    struct counters part;
};

struct loader *loader_new(const struct load_limits *limits)
{
    struct loader *loader = calloc(1, sizeof(*loader));
    if (loader)
        loader->limits = *limits;
    return loader;
}

struct loader *loader_free(struct loader *loader)
{
    if (loader) {
        for (size_t i = 0; i < COPY_TABLES; i++)
            row_batch_deinit(&loader->batches[i]);
        unpacked_deinit(&loader->unpacked);
        free(loader);
    }
    return NULL;
}

const struct loaded_producer *loader_producers(const struct loader *loader, size_t *n)
{
    *n = loader->n_producers;
    return loader->producers;
}

int loader_prepare_days(struct loader *loader, struct pg *pg, uint64_t now_ms)
{
    return days_prepare(&loader->days, pg, now_ms / COPY_DAY_MS);
}

// --- Setting aside

static int set_aside(struct loader *loader, const struct delivery *delivery, const struct dead_letter *letter)
{
    bool written = false;
    int r = dead_letter_write(loader->pg, loader->shard, delivery, letter, &written);

    if (r == 0 && written) {
        // A frame without readable hits counts as one.
        bool frame = letter->kind == DEAD_HEADER || letter->kind == DEAD_PAYLOAD;
        loader->part.dead[letter->kind] += frame ? 1 : letter->hits;
        log_event(LOG_WARN, "ingest.dead_letter", log_uint("shard", loader->shard),
                  log_slice("entry", delivery->entry_id), log_str("kind", dead_kind_name(letter->kind)),
                  log_uint("hits", letter->hits), log_str("reason", letter->reason));
    }
    return r;
}

static int hits_set_aside(struct loader *loader, const struct delivery *delivery, struct producer_row *row,
                          const struct dead_letter *letter)
{
    row->dead += letter->hits;
    return set_aside(loader, delivery, letter);
}

static int row_set_aside(void *ctx, const struct batch_row *batch_row, enum row_refusal refusal,
                         const char *why)
{
    struct loader *loader = ctx;
    struct dead_letter letter = {DEAD_ROW, 1, why, batch_row->record};

    if (refusal != ROW_REFUSED) {
        letter.kind = DEAD_CONFLICT;
        letter.reason = refusal == ROW_THERE ? "the id is there, with the same content"
                                             : "the id is there, with other content";
    }
    return hits_set_aside(loader, &loader->deliveries[batch_row->delivery],
                          &loader->producers[batch_row->producer].row, &letter);
}

// --- Hits

static bool day_is_near(const struct loader *loader, uint64_t ms)
{
    uint64_t day = ms / COPY_DAY_MS;
    return day + COPY_DAYS_BACK_MAX >= loader->today && day <= loader->today + COPY_DAYS_AHEAD_MAX;
}

// 0 and *reason NULL: it is in its batch.
static int hit_take(struct loader *loader, size_t delivery, size_t producer, const struct hit *hit,
                    struct slice record, const char **reason)
{
    const struct frame_header *header = &loader->deliveries[delivery].header;
    struct copy_origin origin = {header->producer, header->seq, XXH3_64bits(record.data, record.len)};
    enum copy_table table = copy_table_of(hit->kind);

    if (table != COPY_REPORT && !day_is_near(loader, click_id_ms(hit->id))) {
        *reason = "its time is too far from now";
        return 0;
    }
    int r =
        row_batch_add(&loader->batches[table], hit, &origin, record, (uint32_t)delivery, (uint32_t)producer);
    if (r < 0)
        return r;
    *reason = r ? copy_condition_name(r) : NULL;
    if (r == 0 && table != COPY_REPORT)
        days_need(&loader->days, table, click_id_ms(hit->id) / COPY_DAY_MS, loader->today);
    return 0;
}

// Every hit of the frame ends in a batch or in dead_letter; header.count decides how many there are.
static int payload_take(struct loader *loader, size_t index, size_t producer)
{
    const struct delivery *delivery = &loader->deliveries[index];
    struct producer_row *row = &loader->producers[producer].row;
    struct slice hits = unpacked_hits(&loader->unpacked, delivery);
    struct bytes_reader reader = bytes_reader(hits.data, hits.len);
    uint64_t left = delivery->header.count;

    if (!hits.data) {
        struct dead_letter letter = {DEAD_HIT, left, "the hits cannot be unpacked", delivery->payload};
        return hits_set_aside(loader, delivery, row, &letter);
    }

    while (left > 0) {
        struct hit hit;
        struct slice record, rest = {(const char *)reader.at, (size_t)(reader.end - reader.at)};
        int condition = hit_next(&reader, &hit, &record);
        if (condition == HIT_END || (condition == HIT_TRUNCATED && reader.bad)) {
            struct dead_letter letter = {DEAD_HIT, left, "fewer hits than the header says", rest};
            return hits_set_aside(loader, delivery, row, &letter);
        }
        const char *reason = condition ? hit_condition_name(condition) : NULL;
        int r = condition ? 0 : hit_take(loader, index, producer, &hit, record, &reason);
        struct dead_letter letter = {DEAD_HIT, 1, reason, record};
        if (r == 0 && reason)
            r = hits_set_aside(loader, delivery, row, &letter);
        if (r)
            return r;
        left--;
    }
    if (reader.at == reader.end)
        return 0;
    struct slice rest = {(const char *)reader.at, (size_t)(reader.end - reader.at)};
    struct dead_letter letter = {DEAD_HIT, 0, "more hits than the header says", rest};
    return set_aside(loader, delivery, &letter);
}

// --- Frames

static int frame_lose(struct loader *loader, struct producer_row *row, struct lost_range range,
                      const char *reason)
{
    char producer[PRODUCER_TEXT_BYTES];

    producer_format(row->producer, producer);
    log_event(LOG_ERROR, "ingest.lost", log_str("producer", producer), log_uint("from_seq", range.from_seq),
              log_uint("to_seq", range.to_seq), log_uint("hits", range.hits), log_str("reason", reason));
    row->lost += range.hits;
    return lost_range_insert(loader->pg, row->producer, &range, reason);
}

static int frame_find_late(struct loader *loader, size_t index, size_t producer, int64_t id,
                           const struct lost_range *range)
{
    const struct frame_header *header = &loader->deliveries[index].header;
    struct producer_row *row = &loader->producers[producer].row;
    struct lost_range left[2];
    size_t n = lost_range_without(range, header, left);

    row->lost -= header->count;
    loader->part.found += header->count;
    int r = lost_range_replace(loader->pg, id, left, n);
    return r ? r : payload_take(loader, index, producer);
}

static int frame_fork(struct loader *loader, const struct delivery *delivery, const char *reason)
{
    struct dead_letter letter = {DEAD_FORK, delivery->header.count, reason, delivery->bytes};
    return set_aside(loader, delivery, &letter);
}

static void frame_miss(struct loaded_producer *producer, const struct delivery *delivery)
{
    producer->gap = true;
    producer->evidence = delivery->entry_id;
}

static int frame_execute(struct loader *loader, size_t index, size_t producer, enum apply_verdict verdict,
                         int64_t range_id, const struct lost_range *range)
{
    const struct delivery *delivery = &loader->deliveries[index];
    const struct frame_header *header = &delivery->header;
    struct loaded_producer *loaded = &loader->producers[producer];
    struct apply_position *position = &loaded->row.position;
    uint64_t chain = frame_chain((const uint8_t *)delivery->bytes.data);
    struct lost_range hole = {header->seq, header->seq, header->count, position->hits};
    struct dead_letter damaged = {DEAD_PAYLOAD, 0, "the payload does not fit its header", delivery->bytes};
    struct lost_range skipped;

    switch (verdict) {
    case APPLY_LOAD:
        apply_advance(position, header, chain);
        loaded->gap = false;
        loaded->row.ended = false; // an END before it came from a copy of its journal
        return payload_take(loader, index, producer);
    case APPLY_LATE:
        return frame_find_late(loader, index, producer, range_id, range);
    case APPLY_HOLE:
        apply_advance(position, header, chain);
        loaded->gap = false;
        loader->part.lost_hole += header->count;
        return frame_lose(loader, &loaded->row, hole, "hole");
    case APPLY_END:
        loaded->gap = false;
        loaded->row.ended = true;
        return 0;
    case APPLY_END_AGAIN:
        loaded->row.ended = true;
        return 0;
    case APPLY_RESEND:
        return 0;
    case APPLY_GAP:
        frame_miss(loaded, delivery);
        return 0;
    case APPLY_SKIP:
        skipped = apply_skip(position, header);
        loaded->gap = false;
        loader->part.lost_gap += skipped.hits;
        return frame_lose(loader, &loaded->row, skipped, "gap");
    case APPLY_DAMAGED:
        frame_miss(loaded, delivery);
        return set_aside(loader, delivery, &damaged);
    case APPLY_FORK:
        return frame_fork(loader, delivery, "it does not follow what was applied");
    case APPLY_VERDICTS:
        break;
    }
    return -EINVAL;
}

static size_t producer_index(const struct loader *loader, const uint8_t producer[PRODUCER_BYTES])
{
    size_t i = 0;
    while (memcmp(loader->producers[i].row.producer, producer, PRODUCER_BYTES) != 0)
        i++;
    return i;
}

static int frame_apply(struct loader *loader, size_t index)
{
    const struct delivery *delivery = &loader->deliveries[index];
    size_t producer = producer_index(loader, delivery->header.producer);
    struct producer_row *row = &loader->producers[producer].row;
    uint64_t chain = frame_chain((const uint8_t *)delivery->bytes.data);
    enum apply_verdict verdict;

    if (row->foreign)
        return frame_fork(loader, delivery, "its producer belongs to another shard");
    do { // twice at most: behind a skip the frame's base is next
        struct lost_range range;
        int64_t range_id = 0;
        int r = 0;
        if (delivery->header.seq <= row->position.last_seq && row->lost > 0)
            r = lost_range_find(loader->pg, row->producer, delivery->header.seq, &range_id, &range);
        if (r)
            return r;
        verdict = apply_decide(&row->position, range_id ? &range : NULL, &delivery->header, chain,
                               delivery->payload_ok);
        loader->part.frames[verdict]++;
        r = frame_execute(loader, index, producer, verdict, range_id, &range);
        if (r)
            return r;
    } while (verdict == APPLY_SKIP);
    return 0;
}

static int frames_apply(struct loader *loader, size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct delivery *delivery = &loader->deliveries[i];
        struct dead_letter letter = {DEAD_HEADER, 0, frame_condition_name(delivery->condition),
                                     delivery->bytes};
        r = delivery->condition ? set_aside(loader, delivery, &letter) : frame_apply(loader, i);
    }
    return r;
}

// --- Rows

static void stored_count(struct loader *loader, enum copy_table table)
{
    const struct row_batch *batch = &loader->batches[table];

    for (size_t i = 0; i < batch->n; i++) {
        if (!batch->rows[i].stored)
            continue;
        loader->producers[batch->rows[i].producer].row.stored++;
        loader->part.stored[table]++;
    }
}

// The day of all rows if it is not over, because then its partition is there for sure.
static uint64_t rows_day(const struct loader *loader, enum copy_table table)
{
    uint64_t day = table == COPY_REPORT ? COPY_ANY_DAY : row_batch_day(&loader->batches[table]);
    return day < loader->today ? COPY_ANY_DAY : day;
}

static int rows_copy(struct loader *loader)
{
    int r = 0;

    for (enum copy_table table = 0; r == 0 && table < COPY_TABLES; table++) {
        r = row_copy(loader->pg, table, rows_day(loader, table), &loader->batches[table], row_set_aside,
                     loader);
        if (r == 0)
            stored_count(loader, table);
    }
    return r;
}

// --- Transaction

static int producers_save(struct loader *loader)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < loader->n_producers; i++) {
        struct producer_row *row = &loader->producers[i].row;
        if (row->foreign)
            continue;
        assert(row->position.hits == row->stored + row->dead + row->lost);
        r = producer_row_save(loader->pg, row);
    }
    return r;
}

static int producers_lock(struct loader *loader)
{
    struct producer_row rows[PRODUCERS_PER_LOAD_MAX];

    if (loader->n_producers == 0)
        return 0;
    for (size_t i = 0; i < loader->n_producers; i++)
        rows[i] = loader->producers[i].row;
    int r = producer_rows_lock(loader->pg, loader->shard, rows, loader->n_producers);
    for (size_t i = 0; r == 0 && i < loader->n_producers; i++)
        loader->producers[i] = (struct loaded_producer){.row = rows[i]};
    return r;
}

static int transaction_body(struct loader *loader, size_t n)
{
    int r = producers_lock(loader);

    if (r == 0)
        r = frames_apply(loader, n);
    if (r == 0 && loader->days.n_missing > 0)
        return LOAD_DAYS;
    if (r == 0)
        r = rows_copy(loader);
    if (r == 0)
        r = rollups_add(loader->pg, loader->shard, loader->batches, loader->part.stored[COPY_REPORT] > 0);
    // Behind the rows: from here to the commit, loads of other shards into the same late days wait.
    if (r == 0)
        r = days_tell_late(&loader->days, loader->pg, loader->today);
    return r ? r : producers_save(loader);
}

static int transaction_run(struct loader *loader, size_t n)
{
    for (size_t i = 0; i < COPY_TABLES; i++)
        row_batch_clear(&loader->batches[i]);
    days_begin(&loader->days);
    unpacked_clear(&loader->unpacked);
    loader->part = (struct counters){.loads = 1};
    int r = pg_exec(loader->pg, "begin");
    if (r == 0)
        r = transaction_body(loader, n);
    if (r == 0)
        return pg_exec(loader->pg, "commit");
    if (r != PG_LOST && pg_in_transaction(loader->pg)) {
        struct pg_error why = *pg_error(loader->pg);
        if (r < PG_TIMEOUT && r > 0)
            log_event(LOG_WARN, "ingest.load_failed", log_uint("shard", loader->shard),
                      log_str("sqlstate", why.sqlstate), log_str("error", why.message));
        int back = pg_exec(loader->pg, "rollback");
        r = back == PG_LOST ? back : r;
    }
    return r;
}

// --- Batches

static bool producer_note(struct loader *loader, const uint8_t producer[PRODUCER_BYTES])
{
    size_t at = 0;
    int order = 1;

    while (at < loader->n_producers &&
           (order = memcmp(loader->producers[at].row.producer, producer, PRODUCER_BYTES)) < 0)
        at++;
    if (at < loader->n_producers && order == 0)
        return true;
    if (loader->n_producers == PRODUCERS_PER_LOAD_MAX)
        return false;
    memmove(&loader->producers[at + 1], &loader->producers[at],
            (loader->n_producers - at) * sizeof(loader->producers[0]));
    memcpy(loader->producers[at].row.producer, producer, PRODUCER_BYTES);
    loader->n_producers++;
    return true;
}

// How many deliveries fit into one transaction; notes their producers in ascending order.
static size_t batch_take(struct loader *loader, const struct delivery deliveries[], size_t n)
{
    size_t hits = 0, bytes = 0, take = 0;

    loader->n_producers = 0;
    for (; take < n; take++) {
        const struct delivery *d = &deliveries[take];
        hits += d->condition ? 0 : d->header.count;
        bytes += d->hits_bytes;
        if (take > 0 && (hits > loader->limits.hits_max || bytes > loader->limits.bytes_max))
            break;
        if (d->condition == 0 && !producer_note(loader, d->header.producer))
            break;
    }
    return take;
}

int loader_load(struct loader *loader, struct pg *pg, unsigned shard, uint64_t now_ms,
                const struct delivery deliveries[], size_t n, size_t *done, struct counters *counters)
{
    size_t take = batch_take(loader, deliveries, n);
    int r = unpacked_reserve(&loader->unpacked, deliveries, take) ? -ENOMEM : LOAD_DAYS;

    loader->pg = pg;
    loader->shard = shard;
    loader->today = now_ms / COPY_DAY_MS;
    loader->deliveries = deliveries;
    for (int round = 0; r == LOAD_DAYS && round < DAYS_ROUNDS_MAX; round++) {
        r = transaction_run(loader, take);
        if (r == LOAD_DAYS) {
            int made = days_make_missing(&loader->days, pg);
            r = made ? made : r;
        }
    }
    if (r == 0) {
        counters_add(counters, &loader->part);
        *done = take;
    }
    return r;
}
