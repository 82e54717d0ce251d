// Frames that no journal has. Owner: the recorder. A frame is sent until Redis has it, in order and under its
// own seq; HELD_WAIT_MS after it was added its visitors are told no, and it is forgotten: the next frame's
// base (its own seq) has ingest count it as lost, unless Redis had it after all. Invariants: sent frames come
// first in the list; replies come in the order of sending. A frame that was told no while its reply is
// outstanding stays as a nameless entry until the reply is there. Limits: HELD_BYTES_MAX bytes wait.

#include "tracker/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tracker/position.h"

struct held_frame {
    struct held_frame *next;
    uint64_t token; // 0: nobody waits
    uint64_t until_ms;
    bool sent, stored, answered;
    size_t len;
    char bytes[];
};

void held_init(struct held *held, struct store *store, unsigned shard, held_settled *settled, void *ctx)
{
    *held = (struct held){.store = store, .settled = settled, .ctx = ctx};
    held_move(held, shard);
}

void held_move(struct held *held, unsigned shard)
{
    if (!held->first)
        snprintf(held->stream_key, sizeof(held->stream_key), "cl:hits:{%u}", shard);
}

static void frame_settle(struct held *held, struct held_frame *frame, bool stored)
{
    uint64_t token = frame->token;
    frame->token = 0;
    if (token)
        held->settled(held->ctx, token, stored);
}

static void first_drop(struct held *held)
{
    struct held_frame *frame = held->first;
    held->first = frame->next;
    if (!held->first)
        held->last = NULL;
    held->bytes -= frame->len;
    free(frame);
}

static void on_added(void *ctx, const struct redis_reply *reply)
{
    struct held *held = ctx;
    struct held_frame *frame = held->first;
    int condition = redis_reply_condition(reply);
    struct stream_id id;

    while (frame->answered || !frame->sent)
        frame = frame->next;
    frame->answered = true;
    frame->stored = condition == 0 && stream_id_parse(redis_reply_text(reply), &id) == 0;
    if (!frame->stored && condition != REDIS_NO_REPLY) {
        held->refusing = true;
        log_event(LOG_WARN, "held.refused", log_str("condition", redis_condition_name(condition)));
    }
    if (frame->stored) {
        held->refusing = false;
        frame_settle(held, frame, true);
    }
    while (held->first && held->first->answered && held->first->stored)
        first_drop(held);
    store_answered(held->store, condition);
}

static bool frame_send(struct held *held, struct held_frame *frame)
{
    const struct slice frame_slice = {frame->bytes, frame->len};
    const struct slice args[] = {SLICE("XADD"), slice_of(held->stream_key), SLICE("*"), SLICE("f"),
                                 frame_slice};

    frame->answered = false;
    frame->sent = store_is_ready(held->store) &&
                  redis_link_send(held->store->link, args, array_length(args), on_added, held) == 0;
    return frame->sent;
}

int held_add(struct held *held, uint64_t token, struct slice bytes, uint64_t now_ms)
{
    if (held->bytes + bytes.len > HELD_BYTES_MAX)
        return -ENOBUFS;
    struct held_frame *frame = malloc(sizeof(*frame) + bytes.len);
    if (!frame)
        return -ENOMEM;
    *frame = (struct held_frame){.token = token, .until_ms = now_ms + HELD_WAIT_MS, .len = bytes.len};
    memcpy(frame->bytes, bytes.data, bytes.len);
    if (!held->first || held->last->sent)
        frame_send(held, frame);
    if (held->first)
        held->last->next = frame;
    else
        held->first = frame;
    held->last = frame;
    held->bytes += bytes.len;
    return 0;
}

static bool all_answered(const struct held *held)
{
    for (const struct held_frame *frame = held->first; frame; frame = frame->next) {
        if (frame->sent && !frame->answered)
            return false;
    }
    return true;
}

static void send_again(struct held *held)
{
    for (struct held_frame *frame = held->first; frame; frame = frame->next) {
        if (!frame->stored && !frame_send(held, frame))
            return;
    }
}

void held_up(struct held *held)
{
    held->refusing = false;
    send_again(held);
}

void held_down(struct held *held)
{
    for (struct held_frame *frame = held->first; frame; frame = frame->next) {
        if (!frame->stored)
            frame->sent = frame->answered = false;
    }
}

// Who waited too long is told no. What nobody waits for and no reply is due for is forgotten.
void held_tick(struct held *held, uint64_t now_ms)
{
    for (struct held_frame *frame = held->first; frame; frame = frame->next) {
        if (now_ms >= frame->until_ms)
            frame_settle(held, frame, false);
    }
    while (held->first && now_ms >= held->first->until_ms && (!held->first->sent || held->first->answered))
        first_drop(held);
    if (held->first && store_is_ready(held->store) && all_answered(held))
        send_again(held);
}

void held_deinit(struct held *held)
{
    while (held->first) {
        frame_settle(held, held->first, false);
        first_drop(held);
    }
}
