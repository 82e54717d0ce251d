// A journaled producer. Owner: the recorder. A frame is in the journal before the sender sees it; the
// journal's old segments go only when the sender knows that PostgreSQL has them.

#include "tracker/live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define ACCEPTED_KEY_BYTES    40
#define ACCEPTED_NUMBER_BYTES 21

int live_new(struct live **out, int root_fd, const uint8_t producer[PRODUCER_BYTES],
             const struct journal_meta *meta, const struct recorder_options *options, struct store *store,
             struct recorder_counters *counters, uint64_t token)
{
    struct live *live = calloc(1, sizeof(*live));

    *out = NULL;
    if (!live)
        return -ENOMEM;
    *live = (struct live){.token = token, .store = store, .options = options, .counters = counters};
    int r = journal_open(&live->journal, root_fd, producer, meta, (uint64_t)options->segment_bytes);
    if (r) {
        free(live);
        return r;
    }
    sender_init(&live->sender, store, &live->journal.folder, 1, 0, 1, (uint64_t)options->redis_window_bytes,
                counters);
    if (store_is_ready(store))
        sender_up(&live->sender, false);
    *out = live;
    return 0;
}

int live_append(struct live *live, struct slice frame, uint64_t seq, uint64_t hits_before)
{
    bool synced = live->options->journal_sync_ms == 0;
    int r = synced ? journal_append_synced(&live->journal, frame.data, frame.len, seq, hits_before)
                   : journal_append(&live->journal, frame.data, frame.len, seq, hits_before);

    metric_add(&live->counters->syncs, synced && r == 0);
    if (r == 0)
        sender_live(&live->sender, seq, frame);
    return r;
}

static void on_position(void *ctx, const struct redis_reply *reply)
{
    struct live *live = ctx;

    live->polling = false;
    if (redis_reply_condition(reply) == 0)
        sender_position(&live->sender, redis_reply_text(reply));
}

static void position_ask(struct live *live)
{
    const struct slice args[] = {SLICE("HGET"), slice_of(live->sender.position_key),
                                 slice_of(live->journal.folder.name)};

    if (live->polling || !store_is_ready(live->store))
        return;
    sender_probe(&live->sender);
    live->polling = redis_link_send(live->store->link, args, array_length(args), on_position, live) == 0;
}

void live_tick(struct live *live)
{
    sender_tick(&live->sender);
    position_ask(live);
}

void live_keep(struct live *live, uint64_t now_ms)
{
    journal_tick(&live->journal);
    unsigned n =
        journal_trim(&live->journal, live->sender.delivery.last, now_ms,
                     (uint64_t)live->options->journal_keep_ms, (uint64_t)live->options->journal_keep_bytes);
    if (n == 0)
        return;
    uint64_t hits_before, base = journal_base(&live->journal, &hits_before);
    metric_add(&live->counters->segments_trimmed, n);
    sender_trim(&live->sender, base, hits_before);
}

static void on_told(void *ctx, const struct redis_reply *reply)
{
    (void)ctx, (void)reply; // it is told again
}

void live_tell(struct live *live, uint64_t hits, bool again)
{
    char key[ACCEPTED_KEY_BYTES], number[ACCEPTED_NUMBER_BYTES];

    snprintf(key, sizeof(key), "cl:accepted:{%u}", live->journal.folder.meta.shard);
    snprintf(number, sizeof(number), "%" PRIu64, hits);
    const struct slice args[] = {SLICE("HSET"), slice_of(key), slice_of(live->journal.folder.name),
                                 slice_of(number)};
    if (hits == 0 || (hits == live->told && !again) || !store_is_ready(live->store))
        return;
    if (redis_link_send(live->store->link, args, array_length(args), on_told, live) == 0)
        live->told = hits;
}

void live_retire(struct live *live)
{
    sender_stop(&live->sender);
}

bool live_idle(const struct live *live)
{
    return !live->polling && sender_idle(&live->sender);
}

struct live *live_free(struct live *live)
{
    if (!live)
        return NULL;
    if (!live->journal.error && journal_sync(&live->journal))
        log_event(LOG_ERROR, "journal.not_synced", log_str("journal", live->journal.folder.name),
                  log_errno(live->journal.error));
    sender_deinit(&live->sender);
    journal_close(&live->journal);
    free(live);
    return NULL;
}
