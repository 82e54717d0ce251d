// Recording from an endpoint's view: add the hit to the frame, and note the answer that depends on it.

#include "tracker/context.h"

#include "base/clock.h"

void context_turn_begin(struct context *context)
{
    if (context->turn_begun)
        return;
    context->turn_begun = true;
    context->now_ms = clock_wall_ms();
    catalog_refresh(context->catalog);
    metric_set(&context->counters->catalog_revision, catalog_revision(context->catalog));
}

void context_frame_end(struct context *context)
{
    turn_frame_end(&context->turn, recorder_turn_end(context->recorder) == RECORDER_RETRY);
}

bool context_records(const struct context *context)
{
    return recorder_mode(context->recorder) != RECORDER_BLIND && turn_has_room(&context->turn);
}

static void answer_note(struct context *context, struct http_conn *conn)
{
    struct http_handle handle = http_conn_handle(conn);

    if (recorder_mode(context->recorder) == RECORDER_HELD) {
        http_conn_hold(context->server, handle);
        turn_note_held(&context->turn, handle, recorder_token(context->recorder));
    } else {
        turn_note(&context->turn, handle);
    }
}

bool context_record(struct context *context, struct http_conn *conn, const struct hit *hit)
{
    if (!turn_has_room(&context->turn))
        return false;
    int r = recorder_add(context->recorder, hit);
    if (r == RECORDER_FULL) {
        context_frame_end(context);
        r = recorder_add(context->recorder, hit);
    }
    if (r != 0 || recorder_mode(context->recorder) == RECORDER_BLIND)
        return false;
    metric_add(&context->counters->kind[hit->kind], 1);
    metric_add(&context->counters->class[hit->class], 1);
    if (hit->kind == HIT_CLICK && hit->class == HIT_CLASS_INVALID)
        metric_add(&context->counters->invalid_click[hit->reason], 1);
    answer_note(context, conn);
    return true;
}
