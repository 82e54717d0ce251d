// The sender's hands: XADD, XRANGE, and what delivery.c decides. Owners: the recorder (live), adoption.
// Frames of the journal are sent while less than FLIGHT_BYTES wait for their reply, so that catching up
// yields to the loop and is paced by Redis. `base` tells ingest what may still be asked for: the journal's
// first frame, or the first one behind a gap that was passed. The probe's reply is judged together with a
// position that was read behind it in the same pipeline: ingest publishes before it trims, so an entry that
// is gone while the position has not passed it was lost.

#include "tracker/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tracker/recorder.h"

#define FLIGHT_BYTES      (1u << 20) // of frames from the journal
#define FLIGHT_BYTES_LIVE (8u << 20)
#define PUMP_FRAMES       256 // at once

size_t sender_position_key(unsigned shard, char out[SENDER_KEY_BYTES])
{
    return (size_t)snprintf(out, SENDER_KEY_BYTES, "cl:pos:{%u}", shard);
}

void sender_init(struct sender *s, struct store *store, const struct journal_folder *folder, uint64_t base,
                 uint64_t hits_before_base, uint64_t end, uint64_t window_bytes,
                 struct recorder_counters *counters)
{
    *s = (struct sender){
        .store = store, .name = folder->name, .base = base, .hits_before_base = hits_before_base};
    s->counters = counters;
    delivery_init(&s->delivery, base, end, window_bytes);
    journal_cursor_init(&s->cursor, folder);
    snprintf(s->stream_key, sizeof(s->stream_key), "cl:hits:{%u}", folder->meta.shard);
    sender_position_key(folder->meta.shard, s->position_key);
}

#define account(s, name) metric_add(&(s)->counters->name, (s)->delivery.counters.name - (s)->accounted.name)

static void counters_account(struct sender *s)
{
    account(s, passes);
    account(s, wants);
    account(s, vanished);
    account(s, rewinds);
    account(s, not_stored);
    account(s, resent_frames);
    account(s, confirmed_frames);
    s->accounted = s->delivery.counters;
}

void sender_deinit(struct sender *s)
{
    counters_account(s);
    journal_cursor_rest(&s->cursor);
    delivery_deinit(&s->delivery);
}

uint64_t sender_base(const struct sender *s, uint64_t *hits_before_base)
{
    bool run = s->run_base > s->base;
    *hits_before_base = run ? s->run_hits : s->hits_before_base;
    return run ? s->run_base : s->base;
}

static void on_added(void *ctx, const struct redis_reply *reply)
{
    struct sender *s = ctx;
    struct stream_id id = {0};
    int condition = redis_reply_condition(reply);

    if (condition && condition != REDIS_NO_REPLY)
        log_event(LOG_WARN, "sender.refused", log_str("producer", s->name),
                  log_str("condition", redis_condition_name(condition)),
                  log_slice("reply", redis_reply_text(reply)));
    bool stored = condition == 0 && stream_id_parse(redis_reply_text(reply), &id) == 0;
    delivery_answer(&s->delivery, stored, id);
    store_answered(s->store, condition);
    if (stored)
        sender_pump(s);
}

// Sends the frame of delivery.next. False: not now.
static bool send_frame(struct sender *s, struct slice frame)
{
    const struct slice args[] = {SLICE("XADD"), slice_of(s->stream_key), SLICE("*"), SLICE("f"), frame};

    if (delivery_reserve(&s->delivery) ||
        redis_link_send(s->store->link, args, array_length(args), on_added, s))
        return false;
    delivery_sent(&s->delivery, (uint32_t)frame.len);
    metric_add(&s->counters->sent_frames, 1);
    metric_add(&s->counters->sent_bytes, frame.len);
    return true;
}

void sender_live(struct sender *s, uint64_t seq, struct slice frame)
{
    delivery_grow(&s->delivery, seq + 1);
    if (s->delivery.next == seq && delivery_ready(&s->delivery) &&
        s->delivery.unanswered_bytes < FLIGHT_BYTES_LIVE)
        send_frame(s, frame);
    else
        sender_pump(s);
}

void sender_trim(struct sender *s, uint64_t base, uint64_t hits_before_base)
{
    s->base = base;
    s->hits_before_base = hits_before_base;
    delivery_trim(&s->delivery, base);
}

// Frames behind a gap say that nothing before them can be asked for.
static bool gap_pass(struct sender *s, const struct frame_header *found)
{
    uint64_t from = s->delivery.next;

    if (!delivery_skip(&s->delivery, found->seq))
        return false;
    metric_add(&s->counters->gap_frames, found->seq - from);
    s->run_base = found->seq;
    s->run_hits = found->hits_before;
    log_event(LOG_ERROR, "journal.gap", log_str("producer", s->name), log_uint("from", from),
              log_uint("to", found->seq - 1));
    return true;
}

static bool send_from_journal(struct sender *s, const struct journal_frame *frame)
{
    uint64_t hits_before_base, base = sender_base(s, &hits_before_base);
    uint32_t flags = frame->header.flags | (frame->hole ? FRAME_HOLE : 0);

    frame_readdress((uint8_t *)(uintptr_t)frame->bytes, min_of(base, frame->header.seq),
                    min_of(hits_before_base, frame->header.hits_before), flags);
    if (!send_frame(s, (struct slice){(const char *)frame->bytes, frame->len}))
        return false;
    if (frame->hole) {
        metric_add(&s->counters->hole_frames, 1);
        metric_add(&s->counters->hole_hits, frame->header.count);
        log_event(LOG_ERROR, "journal.hole", log_str("producer", s->name),
                  log_uint("seq", frame->header.seq));
    }
    return true;
}

static bool pump_one(struct sender *s)
{
    struct journal_frame frame;

    if (s->stopped || !delivery_ready(&s->delivery) || s->delivery.unanswered_bytes >= FLIGHT_BYTES)
        return false;
    if (s->run_base > s->delivery.next)
        s->run_base = 0; // a pass from before the gap will meet it again
    int r = journal_cursor_next(&s->cursor, s->delivery.next, &frame);
    if (r) {
        log_event(LOG_ERROR, "sender.cannot_read", log_str("producer", s->name),
                  log_uint("seq", s->delivery.next), log_int("condition", r));
        return false;
    }
    if (frame.header.seq > s->delivery.next && !gap_pass(s, &frame.header))
        return false;
    return send_from_journal(s, &frame);
}

void sender_pump(struct sender *s)
{
    unsigned n = 0;

    while (n < PUMP_FRAMES && pump_one(s))
        n++;
    if (s->delivery.next >= s->delivery.end)
        journal_cursor_rest(&s->cursor);
}

void sender_up(struct sender *s, bool same)
{
    delivery_up(&s->delivery, same);
    s->probe_seq = 0;
    sender_pump(s);
}

void sender_down(struct sender *s)
{
    delivery_down(&s->delivery);
    s->probe_seq = 0;
}

void sender_stop(struct sender *s)
{
    s->stopped = true;
}

void sender_tick(struct sender *s)
{
    delivery_tick(&s->delivery);
    counters_account(s);
    sender_pump(s);
}

static void on_probed(void *ctx, const struct redis_reply *reply)
{
    struct sender *s = ctx;
    s->probe_gone = redis_reply_type(reply) == REDIS_TYPE_ARRAY && redis_reply_length(reply) == 0;
}

// Only an entry that was already the oldest at the poll before is looked for: most are confirmed by then.
void sender_probe(struct sender *s)
{
    char id_text[STREAM_ID_BYTES];
    struct stream_id id;
    uint64_t seq;

    s->probe_seq = 0;
    s->probe_gone = false;
    if (!delivery_probe(&s->delivery, &seq, &id)) {
        s->probe_last = 0;
        return;
    }
    bool old = seq == s->probe_last;
    s->probe_last = seq;
    struct slice text = {id_text, stream_id_format(id, id_text)};
    const struct slice args[] = {SLICE("XRANGE"), slice_of(s->stream_key), text, text};
    if (old && redis_link_send(s->store->link, args, array_length(args), on_probed, s) == 0)
        s->probe_seq = seq;
}

void sender_position(struct sender *s, struct slice text)
{
    struct position position;

    if (text.data && position_parse(text, &position) == 0)
        delivery_position(&s->delivery, &position);
    else if (text.data)
        log_event(LOG_ERROR, "sender.position_malformed", log_str("producer", s->name),
                  log_slice("text", text));
    if (s->probe_seq && s->probe_gone)
        delivery_vanished(&s->delivery, s->probe_seq);
    s->probe_seq = 0;
    s->probe_gone = false;
    sender_pump(s);
}

bool sender_idle(const struct sender *s)
{
    return s->delivery.count == s->delivery.answered && s->probe_seq == 0;
}

uint64_t sender_behind(const struct sender *s)
{
    return s->delivery.end > s->delivery.next ? s->delivery.end - s->delivery.next : 0;
}
