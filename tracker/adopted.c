// One adopted journal: its frames through a sender, then END. Owner: adoption.
// END is not in the journal, it follows from the last frame; so a full disk cannot keep a producer from
// ending. It is sent when PostgreSQL has all before it, and again (at most every END_REST ticks) when it
// vanished from the stream and the producer has not ended. A torn journal may be shorter than what PostgreSQL
// has: END is good under any seq.

#include "tracker/adopted.h"

#include <string.h>

#include "base/log.h"
#include "tracker/producer.h"
#include "tracker/recorder.h"

#define END_REST 20

void adopted_deinit(struct adopted *a)
{
    if (a->opened)
        sender_deinit(&a->sender);
    journal_folder_close(&a->folder);
}

// The lowest frame that can be read. 0, JOURNAL_END (none) or negative errno.
static int base_find(const struct journal_folder *folder, uint64_t *base, uint64_t *hits_before)
{
    struct journal_cursor cursor;
    struct journal_frame frame;

    journal_cursor_init(&cursor, folder);
    int r = journal_cursor_next(&cursor, 1, &frame);
    *base = r ? 1 : frame.header.seq;
    *hits_before = r ? 0 : frame.header.hits_before;
    journal_cursor_rest(&cursor);
    return r;
}

void adopted_open(struct adopted *a, struct store *store, uint64_t window_bytes,
                  struct recorder_counters *counters)
{
    uint64_t base = 1, hits_before_base = 0;

    int r = journal_tail_find(&a->folder, &a->tail);
    if (r == 0)
        r = base_find(&a->folder, &base, &hits_before_base);
    if (r && r != JOURNAL_END) {
        log_event(LOG_ERROR, "adoption.unreadable", log_str("journal", a->folder.name), log_errno(r));
        a->state = ADOPTED_BAD;
        return;
    }
    metric_add(&counters->torn_bytes, a->tail.torn_bytes);
    if (r == 0)
        metric_add(&counters->gap_frames, base - a->folder.segments[0].first_seq);
    log_event(LOG_INFO, "adoption.opened", log_str("journal", a->folder.name), log_uint("base", base),
              log_uint("last", a->tail.last_seq), log_uint("torn_bytes", a->tail.torn_bytes));
    sender_init(&a->sender, store, &a->folder, base, hits_before_base, a->tail.last_seq + 1, window_bytes,
                counters);
    a->opened = true;
    a->state = ADOPTED_SENDING;
    if (store_is_ready(store))
        adopted_up(a, false);
}

static void on_ended(void *ctx, const struct redis_reply *reply)
{
    struct adopted *a = ctx;
    bool stored =
        redis_reply_condition(reply) == 0 && stream_id_parse(redis_reply_text(reply), &a->end_id) == 0;
    a->end = stored ? END_STORED : END_UNSENT;
}

static void end_send(struct adopted *a)
{
    uint8_t frame[FRAME_HEADER_BYTES];
    uint64_t hits_before_base, base = sender_base(&a->sender, &hits_before_base);
    uint64_t seq = a->tail.last_seq + 1;

    producer_end(a->folder.producer, seq, a->tail.hits, a->tail.chain, 0, min_of(base, seq),
                 min_of(hits_before_base, a->tail.hits), frame);
    const struct slice args[] = {SLICE("XADD"),
                                 slice_of(a->sender.stream_key),
                                 SLICE("*"),
                                 SLICE("f"),
                                 {(const char *)frame, sizeof(frame)}};
    if (redis_link_send(a->sender.store->link, args, array_length(args), on_ended, a) == 0) {
        a->end = END_SENT;
        a->end_rest = END_REST;
    }
}

void adopted_up(struct adopted *a, bool same)
{
    if (a->state != ADOPTED_SENDING)
        return;
    if (!same)
        a->end = END_UNSENT;
    a->end_rest = 0;
    sender_up(&a->sender, same);
}

void adopted_down(struct adopted *a)
{
    if (a->state == ADOPTED_SENDING)
        sender_down(&a->sender);
}

void adopted_tick(struct adopted *a)
{
    if (a->state != ADOPTED_SENDING)
        return;
    if (journal_is_deleted(a->folder.dir_fd)) {
        log_event(LOG_ERROR, "adoption.deleted", log_str("journal", a->folder.name));
        sender_stop(&a->sender);
        a->state = ADOPTED_BAD;
        return;
    }
    sender_tick(&a->sender);
    if (a->end_rest > 0)
        a->end_rest--;
    bool due = a->sender.delivery.last >= a->tail.last_seq && a->end == END_UNSENT && a->end_rest == 0;
    if (due && store_is_ready(a->sender.store))
        end_send(a);
}

static void on_end_probed(void *ctx, const struct redis_reply *reply)
{
    struct adopted *a = ctx;
    a->end_gone = redis_reply_type(reply) == REDIS_TYPE_ARRAY && redis_reply_length(reply) == 0;
}

void adopted_probe(struct adopted *a)
{
    char id_text[STREAM_ID_BYTES];

    if (a->state != ADOPTED_SENDING)
        return;
    sender_probe(&a->sender);
    a->end_gone = false;
    a->end_probed = false;
    if (a->end != END_STORED)
        return;
    struct slice id = {id_text, stream_id_format(a->end_id, id_text)};
    const struct slice args[] = {SLICE("XRANGE"), slice_of(a->sender.stream_key), id, id};
    a->end_probed = redis_link_send(a->sender.store->link, args, array_length(args), on_end_probed, a) == 0;
}

static void ended_enter(struct adopted *a, uint64_t now_ms)
{
    if (store_is_ready(a->sender.store))
        sender_down(&a->sender);
    a->state = ADOPTED_ENDED;
    a->ended_ms = now_ms;
    a->bytes = journal_folder_bytes(&a->folder);
    journal_folder_mark_ended(&a->folder, true);
    log_event(LOG_INFO, "adoption.ended", log_str("journal", a->folder.name));
}

// PostgreSQL went back to a moment before this producer ended.
static void ended_leave(struct adopted *a)
{
    log_event(LOG_WARN, "adoption.again", log_str("journal", a->folder.name));
    journal_folder_mark_ended(&a->folder, false);
    a->ended_ms = 0;
    a->state = a->opened ? ADOPTED_SENDING : ADOPTED_WAITING;
    if (a->opened && store_is_ready(a->sender.store))
        adopted_up(a, false);
}

static void position_when_ended(struct adopted *a, struct slice text)
{
    struct position position;

    if (!text.data || position_parse(text, &position))
        return;
    if (a->opened)
        delivery_position(&a->sender.delivery, &position);
    if (!position.ended && (!a->opened || !a->sender.delivery.ended))
        ended_leave(a);
}

void adopted_position(struct adopted *a, struct slice text, uint64_t now_ms)
{
    if (a->state == ADOPTED_ENDED) {
        position_when_ended(a, text);
        return;
    }
    if (a->state != ADOPTED_SENDING)
        return;
    sender_position(&a->sender, text);
    if (a->end_probed && a->end_gone && !a->sender.delivery.ended)
        a->end = END_UNSENT;
    a->end_probed = false;
    if (a->sender.delivery.ended && adopted_idle(a))
        ended_enter(a, now_ms);
}

bool adopted_idle(const struct adopted *a)
{
    return !a->opened || (sender_idle(&a->sender) && a->end != END_SENT && !a->end_probed);
}
