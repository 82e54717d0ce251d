// What happens to the frames of a piece: decided one by one, set aside, or rows in their tables and rollups.
// Owner: the loader. Invariants: a hit is counted as stored only when its row went in; every hit of a frame
// ends in a row or in a dead letter.

#include "ingest/piece.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/click_id.h"
#include "base/log.h"
#include "ingest/dead_letter.h"
#include "ingest/rollups.h"
#include "ingest/row_copy.h"

void load_deinit(struct load *load)
{
    for (size_t i = 0; i < COPY_TABLES; i++)
        row_batch_deinit(&load->batches[i]);
    unpacked_deinit(&load->unpacked);
}

// --- Setting aside

static int set_aside(struct load *load, const struct delivery *delivery, const struct dead_letter *letter)
{
    bool written = false;
    int r = dead_letter_write(load->pg, load->shard, delivery, letter, &written);

    if (r == 0 && written) {
        // A frame without readable hits counts as one.
        bool frame = letter->kind == DEAD_HEADER || letter->kind == DEAD_PAYLOAD;
        load->counts.dead[letter->kind] += frame ? 1 : letter->hits;
        log_event(LOG_WARN, "ingest.dead_letter", log_uint("shard", load->shard),
                  log_slice("entry", delivery->entry_id), log_str("kind", dead_kind_name(letter->kind)),
                  log_uint("hits", letter->hits), log_str("reason", letter->reason));
    }
    return r;
}

static int hits_set_aside(struct load *load, const struct delivery *delivery, struct producer_row *row,
                          const struct dead_letter *letter)
{
    row->dead += letter->hits;
    return set_aside(load, delivery, letter);
}

static int row_set_aside(void *ctx, const struct batch_row *batch_row, enum row_refusal refusal,
                         const char *why)
{
    struct load *load = ctx;
    struct dead_letter letter = {DEAD_ROW, 1, why, batch_row->record};

    if (refusal != ROW_REFUSED) {
        letter.kind = DEAD_CONFLICT;
        letter.reason = refusal == ROW_THERE ? "the id is there, with the same content"
                                             : "the id is there, with other content";
    }
    return hits_set_aside(load, &load->deliveries[batch_row->delivery],
                          &load->producers.all[batch_row->producer].row, &letter);
}

// --- Hits

static bool day_is_near(const struct load *load, uint64_t ms)
{
    uint64_t day = ms / COPY_DAY_MS;
    return day + COPY_DAYS_BACK_MAX >= load->today && day <= load->today + COPY_DAYS_AHEAD_MAX;
}

// 0 and *reason NULL: it is in its batch.
static int hit_take(struct load *load, size_t delivery, size_t producer, const struct hit *hit,
                    struct slice record, const char **reason)
{
    const struct frame_header *header = &load->deliveries[delivery].header;
    struct copy_origin origin = {header->producer, header->seq, XXH3_64bits(record.data, record.len)};
    enum copy_table table = copy_table_of(hit->kind);

    if (table != COPY_REPORT && !day_is_near(load, click_id_ms(hit->id))) {
        *reason = "its time is too far from now";
        return 0;
    }
    int r =
        row_batch_add(&load->batches[table], hit, &origin, record, (uint32_t)delivery, (uint32_t)producer);
    if (r < 0)
        return r;
    *reason = r ? copy_condition_name(r) : NULL;
    if (r == 0 && table != COPY_REPORT)
        days_need(&load->days, table, click_id_ms(hit->id) / COPY_DAY_MS, load->today);
    return 0;
}

// Every hit of the frame ends in a batch or in dead_letter; header.count decides how many there are.
static int payload_take(struct load *load, size_t index, size_t producer)
{
    const struct delivery *delivery = &load->deliveries[index];
    struct producer_row *row = &load->producers.all[producer].row;
    struct slice hits = unpacked_hits(&load->unpacked, delivery);
    struct bytes_reader reader = bytes_reader(hits.data, hits.len);
    uint64_t left = delivery->header.count;

    if (!hits.data) {
        struct dead_letter letter = {DEAD_HIT, left, "the hits cannot be unpacked", delivery->payload};
        return hits_set_aside(load, delivery, row, &letter);
    }

    while (left > 0) {
        struct hit hit;
        struct slice record, rest = {(const char *)reader.at, (size_t)(reader.end - reader.at)};
        int condition = hit_next(&reader, &hit, &record);
        if (condition == HIT_END || (condition == HIT_TRUNCATED && reader.bad)) {
            struct dead_letter letter = {DEAD_HIT, left, "fewer hits than the header says", rest};
            return hits_set_aside(load, delivery, row, &letter);
        }
        const char *reason = condition ? hit_condition_name(condition) : NULL;
        int r = condition ? 0 : hit_take(load, index, producer, &hit, record, &reason);
        struct dead_letter letter = {DEAD_HIT, 1, reason, record};
        if (r == 0 && reason)
            r = hits_set_aside(load, delivery, row, &letter);
        if (r)
            return r;
        left--;
    }
    if (reader.at == reader.end)
        return 0;
    struct slice rest = {(const char *)reader.at, (size_t)(reader.end - reader.at)};
    struct dead_letter letter = {DEAD_HIT, 0, "more hits than the header says", rest};
    return set_aside(load, delivery, &letter);
}

// --- Frames

static int frame_lose(struct load *load, struct producer_row *row, struct lost_range range,
                      const char *reason)
{
    char producer[PRODUCER_TEXT_BYTES];

    producer_format(row->producer, producer);
    log_event(LOG_ERROR, "ingest.lost", log_str("producer", producer), log_uint("from_seq", range.from_seq),
              log_uint("to_seq", range.to_seq), log_uint("hits", range.hits), log_str("reason", reason));
    row->lost += range.hits;
    return lost_range_insert(load->pg, row->producer, &range, reason);
}

static int frame_find_late(struct load *load, size_t index, size_t producer, int64_t id,
                           const struct lost_range *range)
{
    const struct frame_header *header = &load->deliveries[index].header;
    struct producer_row *row = &load->producers.all[producer].row;
    struct lost_range left[2];
    size_t n = lost_range_without(range, header, left);

    row->lost -= header->count;
    load->counts.found += header->count;
    int r = lost_range_replace(load->pg, id, left, n);
    return r ? r : payload_take(load, index, producer);
}

static int frame_fork(struct load *load, const struct delivery *delivery, const char *reason)
{
    struct dead_letter letter = {DEAD_FORK, delivery->header.count, reason, delivery->bytes};
    return set_aside(load, delivery, &letter);
}

static void frame_miss(struct loaded_producer *producer, const struct delivery *delivery)
{
    producer->gap = true;
    snprintf(producer->evidence, sizeof(producer->evidence), "%.*s", (int)delivery->entry_id.len,
             delivery->entry_id.data);
}

static int frame_execute(struct load *load, size_t index, size_t producer, enum apply_verdict verdict,
                         int64_t range_id, const struct lost_range *range)
{
    const struct delivery *delivery = &load->deliveries[index];
    const struct frame_header *header = &delivery->header;
    struct loaded_producer *loaded = &load->producers.all[producer];
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
        return payload_take(load, index, producer);
    case APPLY_LATE:
        return frame_find_late(load, index, producer, range_id, range);
    case APPLY_HOLE:
        apply_advance(position, header, chain);
        loaded->gap = false;
        load->counts.lost_hole += header->count;
        return frame_lose(load, &loaded->row, hole, "hole");
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
        load->counts.lost_gap += skipped.hits;
        return frame_lose(load, &loaded->row, skipped, "gap");
    case APPLY_DAMAGED:
        frame_miss(loaded, delivery);
        return set_aside(load, delivery, &damaged);
    case APPLY_FORK:
        return frame_fork(load, delivery, "it does not follow what was applied");
    case APPLY_VERDICTS:
        break;
    }
    return -EINVAL;
}

static int frame_apply(struct load *load, size_t index)
{
    const struct delivery *delivery = &load->deliveries[index];
    size_t producer = load_producers_index(&load->producers, delivery->header.producer);
    struct producer_row *row = &load->producers.all[producer].row;
    uint64_t chain = frame_chain((const uint8_t *)delivery->bytes.data);
    enum apply_verdict verdict;

    if (row->foreign)
        return frame_fork(load, delivery, "its producer belongs to another shard");
    do { // twice at most: behind a skip the frame's base is next
        struct lost_range range;
        int64_t range_id = 0;
        int r = 0;
        if (delivery->header.seq <= row->position.last_seq && row->lost > 0)
            r = lost_range_find(load->pg, row->producer, delivery->header.seq, &range_id, &range);
        if (r)
            return r;
        verdict = apply_decide(&row->position, range_id ? &range : NULL, &delivery->header, chain,
                               delivery->payload_ok);
        load->counts.frames[verdict]++;
        r = frame_execute(load, index, producer, verdict, range_id, &range);
        if (r)
            return r;
    } while (verdict == APPLY_SKIP);
    return 0;
}

static int frames_apply(struct load *load, size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct delivery *delivery = &load->deliveries[i];
        struct dead_letter letter = {DEAD_HEADER, 0, frame_condition_name(delivery->condition),
                                     delivery->bytes};
        r = delivery->condition ? set_aside(load, delivery, &letter) : frame_apply(load, i);
    }
    return r;
}

// --- Rows

static void stored_count(struct load *load, enum copy_table table)
{
    const struct row_batch *batch = &load->batches[table];

    for (size_t i = 0; i < batch->n; i++) {
        if (!batch->rows[i].stored)
            continue;
        load->producers.all[batch->rows[i].producer].row.stored++;
        load->counts.stored[table]++;
    }
}

// The day of all rows if it is not over, because then its partition is there for sure.
static uint64_t rows_day(const struct load *load, enum copy_table table)
{
    uint64_t day = table == COPY_REPORT ? COPY_ANY_DAY : row_batch_day(&load->batches[table]);
    return day < load->today ? COPY_ANY_DAY : day;
}

// Where the rows go. PART_NONE: a large load's clicks are not all of one day that has room for a part.
static int rows_place(struct load *load, enum copy_table table, struct part *into)
{
    *into = (struct part){.day = rows_day(load, table)};
    if (!load->large || table != COPY_CLICK || load->batches[table].n == 0)
        return 0;
    uint64_t day = row_batch_day(&load->batches[table]);
    if (day == COPY_ANY_DAY)
        return PART_NONE;
    int r = load->part.number == 0 ? part_make(&load->part, load->pg, day) : 0;
    *into = load->part;
    return r == 0 && day != into->day ? PART_NONE : r;
}

static int rows_copy(struct load *load)
{
    int r = 0;

    for (enum copy_table table = 0; r == 0 && table < COPY_TABLES; table++) {
        struct part into;
        r = rows_place(load, table, &into);
        if (r == 0)
            r = row_copy(load->pg, table, into, &load->batches[table], row_set_aside, load);
        if (r == 0)
            stored_count(load, table);
    }
    return r;
}

// --- A piece

int piece_load(struct load *load, const struct delivery deliveries[], size_t n)
{
    int r = load_producers_lock(&load->producers, load->pg, load->shard);

    load->deliveries = deliveries;
    for (size_t i = 0; i < COPY_TABLES; i++)
        row_batch_clear(&load->batches[i]);
    if (r == 0)
        r = unpacked_reserve(&load->unpacked, load->deliveries, n);
    if (r == 0)
        r = frames_apply(load, n);
    if (r == 0 && load->days.n_missing > 0)
        return PIECE_DAYS;
    if (r == 0)
        r = rows_copy(load);
    if (r == 0)
        r = rollups_add(load->pg, load->shard, load->batches);
    return r;
}
