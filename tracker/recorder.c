// Recording of hits. Owner: one worker. Ties producer, journal, sender, held frames and adoption to the
// worker's turns and to one timer. Invariants: the mode moves only in recorder_turn_end(); a journal that
// failed is left to adoption, which sends what it holds, and is never written again; every change of mode
// begins a new producer. Limits: RECORDER_TURN_BYTES per frame; a new journal is tried once a second.

#include "tracker/recorder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "tracker/adoption.h"
#include "tracker/held.h"
#include "tracker/journal_syncer.h"
#include "tracker/live.h"
#include "tracker/producer.h"
#include "tracker/retired.h"

#define TICK_MS       250
#define GATHER_MS     10 // that a journaled frame waits for others on its way to Redis
#define TICKS_PER_S   4
#define SCAN_TICKS    40
#define RECHECK_TICKS 20

struct recorder {
    struct event_base *base;
    const struct recorder_options *options;
    struct recorder_counters *counters;
    recorder_settled *settled;
    void *ctx;
    enum recorder_mode mode;
    uint64_t token; // of the turn that collects
    unsigned shard; // of the next producer
    int root_fd;    // -1: not to be had yet
    struct producer producer;
    struct live *live;      // the journal that is written; NULL but in RECORDER_JOURNALED
    struct retired retired; // those that were left: failed ones, and those of another shard
    uint64_t lives;         // how many there were
    struct journal_syncer *syncer;
    struct store store;
    struct held held;
    struct adoption *adoption; // NULL: not ours to do, or no root yet
    struct event *tick, *sync_tick;
    uint64_t ticks;
    bool journal_due; // a new journal may be tried
    bool move_due;    // the journal belongs to another shard than the next one
    bool hurry;       // the end is near: frames do not gather
    bool scanned;     // false: look for journals to adopt at the next tick
};

enum recorder_mode recorder_mode(const struct recorder *r)
{
    return r->mode;
}

uint64_t recorder_token(const struct recorder *r)
{
    return r->token;
}

// --- The journal -----------------------------------------------------------------------------

// One that was deleted is made anew under the number that adoption knows.
static int root_find(struct recorder *r)
{
    if (r->root_fd >= 0 && !journal_is_deleted(r->root_fd))
        return 0;
    int fd = journal_root_open(r->options->journal_dir);
    if (fd < 0)
        return fd;
    if (r->root_fd < 0) {
        r->root_fd = fd;
        return 0;
    }
    int error = dup3(fd, r->root_fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    return error;
}

static int root_open(struct recorder *r)
{
    int error = root_find(r);
    if (error)
        return error;
    if (r->options->adopt && !r->adoption)
        r->adoption = adoption_new(r->root_fd, &r->store, r->options, r->counters);
    return 0;
}

// Tells ingest that the producer without a journal is at its end; as well as can be.
static void held_end(struct recorder *r, const struct producer *p)
{
    uint8_t frame[FRAME_HEADER_BYTES];

    if (!(p->flags & FRAME_UNJOURNALED) || p->seq == 1)
        return;
    producer_end(p->id, p->seq, p->hits_before, p->prev, p->flags, p->seq, p->hits_before, frame);
    if (held_add(&r->held, 0, (struct slice){(const char *)frame, sizeof(frame)}, clock_monotonic_ms()))
        log_event(LOG_WARN, "recorder.end_not_sent");
}

// A new producer with a new journal. On failure the producer is as before.
static int journal_begin(struct recorder *r)
{
    struct journal_meta meta = {
        .shard = r->shard, .worker = r->options->worker, .started_ms = clock_wall_ms()};
    struct producer before = r->producer;

    snprintf(meta.host, sizeof(meta.host), "%s", r->options->host);
    int error = root_open(r);
    if (error)
        return error;
    producer_renew(&r->producer, 0);
    error =
        live_new(&r->live, r->root_fd, r->producer.id, &meta, r->options, &r->store, r->counters, ++r->lives);
    if (error) {
        r->producer = before;
        return error;
    }
    metric_add(&r->counters->segments, 1);
    held_end(r, &before);
    return 0;
}

// What the journal holds stays; adoption takes it over once the last reply is there and the lock is free.
static void journal_leave(struct recorder *r)
{
    metric_add(&r->counters->journal_failures, 1);
    retired_add(&r->retired, r->live);
    r->live = NULL;
    producer_renew(&r->producer, FRAME_UNJOURNALED);
    held_move(&r->held, r->shard);
}

// Goes on as a new producer of the new shard. The old journal stays in use while there can be no new one.
static void journal_move(struct recorder *r)
{
    struct live *before = r->live;
    uint64_t hits = r->producer.hits_before;
    unsigned from = before->journal.folder.meta.shard;
    int error = journal_begin(r);

    if (error) {
        r->live = before;
        log_event(LOG_WARN, "journal.not_moved", log_uint("shard", r->shard), log_errno(error));
        return;
    }
    live_tell(before, hits, true);
    retired_add(&r->retired, before);
    log_event(LOG_INFO, "recorder.shard", log_uint("worker", r->options->worker), log_uint("from", from),
              log_uint("shard", r->shard));
}

static void on_synced(void *ctx, uint64_t token, int error)
{
    struct recorder *r = ctx;

    metric_add(&r->counters->syncs, 1);
    if (error && r->live && token == r->live->token)
        journal_fail(&r->live->journal, error);
    else if (error)
        log_event(LOG_ERROR, "journal.not_synced", log_errno(error));
}

static void on_sync_tick(evutil_socket_t unused_fd, short what, void *ctx)
{
    struct recorder *r = ctx;
    struct live *unsynced = retired_unsynced(&r->retired), *live = unsynced ? unsynced : r->live;

    (void)unused_fd, (void)what;
    if (!live || journal_syncer_busy(r->syncer))
        return;
    struct journal_unsynced taken;
    if (journal_sync_take(&live->journal, &taken) && journal_syncer_submit(r->syncer, &taken, live->token))
        journal_fail(&live->journal, -EIO);
}

// --- The mode --------------------------------------------------------------------------------

static void mode_enter(struct recorder *r, enum recorder_mode mode)
{
    static const char *const names[] = {"journaled", "held", "blind"};

    if (mode == r->mode)
        return;
    log_event(mode == RECORDER_JOURNALED ? LOG_INFO : LOG_ERROR, "recorder.mode",
              log_str("mode", names[mode]), log_uint("worker", r->options->worker));
    r->mode = mode;
    redis_link_gather(r->store.link, mode == RECORDER_JOURNALED && !r->hurry ? GATHER_MS : 0);
    metric_set(&r->counters->mode, mode);
}

static enum recorder_mode mode_without_journal(const struct recorder *r)
{
    return store_is_ready(&r->store) && !r->held.refusing ? RECORDER_HELD : RECORDER_BLIND;
}

// Between turns: leaves a failed journal, returns to a new one, follows the shard and Redis.
static void mode_update(struct recorder *r)
{
    if (r->live && r->live->journal.error)
        journal_leave(r);
    if (!r->live && r->journal_due) {
        r->journal_due = false;
        int error = journal_begin(r);
        if (error)
            log_event(LOG_ERROR, "journal.none", log_str("dir", r->options->journal_dir), log_errno(error));
    }
    if (r->live && r->move_due)
        journal_move(r);
    r->move_due = false;
    if (r->live)
        mode_enter(r, RECORDER_JOURNALED);
    else
        mode_enter(r, mode_without_journal(r));
}

// --- Turns -----------------------------------------------------------------------------------

int recorder_add(struct recorder *r, const struct hit *hit)
{
    if (r->mode == RECORDER_BLIND) {
        metric_add(&r->counters->lost, 1);
        return 0;
    }
    switch (producer_add(&r->producer, hit)) {
    case 0:
        return 0;
    case PRODUCER_FULL:
        return RECORDER_FULL;
    }
    metric_add(&r->counters->too_large, 1);
    return RECORDER_REFUSED;
}

static int turn_journal(struct recorder *r)
{
    uint64_t hits_before_base, base = sender_base(&r->live->sender, &hits_before_base);
    struct slice frame = producer_seal(&r->producer, base, hits_before_base);

    if (live_append(r->live, frame, r->producer.seq, r->producer.hits_before))
        return RECORDER_RETRY;
    metric_add(&r->counters->journaled, r->producer.count);
    metric_add(&r->counters->frame_bytes, frame.len);
    return 0;
}

static int turn_hold(struct recorder *r)
{
    struct slice frame = producer_seal(&r->producer, 0, 0);

    if (!store_is_ready(&r->store) || held_add(&r->held, r->token, frame, clock_monotonic_ms()))
        return RECORDER_RETRY;
    metric_add(&r->counters->held, r->producer.count);
    metric_add(&r->counters->frame_bytes, frame.len);
    return 0;
}

static int turn_record(struct recorder *r)
{
    int result = r->mode == RECORDER_JOURNALED ? turn_journal(r) : turn_hold(r);

    if (result) {
        producer_discard(&r->producer);
        metric_add(&r->counters->retried_turns, 1);
        return result;
    }
    metric_add(&r->counters->accepted, r->producer.count);
    metric_add(&r->counters->frames, 1);
    producer_commit(&r->producer);
    return 0;
}

void recorder_hurry(struct recorder *r)
{
    r->hurry = true;
    redis_link_gather(r->store.link, 0);
}

int recorder_turn_end(struct recorder *r)
{
    int result = 0;

    if (r->mode != RECORDER_BLIND && r->producer.count > 0) {
        result = turn_record(r);
        if (result && r->mode == RECORDER_HELD) // never the same mode twice for one answer
            mode_enter(r, RECORDER_BLIND);
    }
    r->token++;
    if (result == 0 || r->mode == RECORDER_JOURNALED)
        mode_update(r);
    return result;
}

// --- Events ----------------------------------------------------------------------------------

static void on_settled(void *ctx, uint64_t token, bool stored)
{
    struct recorder *r = ctx;
    metric_add(stored ? &r->counters->settled : &r->counters->refused_by_redis, 1);
    r->settled(r->ctx, token, stored);
}

static void on_ready(void *ctx, bool same)
{
    struct recorder *r = ctx;

    if (r->live)
        sender_up(&r->live->sender, same);
    held_up(&r->held);
    if (r->adoption)
        adoption_up(r->adoption, same);
}

static void on_down(void *ctx)
{
    struct recorder *r = ctx;

    if (r->live)
        sender_down(&r->live->sender);
    held_down(&r->held);
    if (r->adoption)
        adoption_down(r->adoption);
}

static const struct store_events store_events = {on_ready, on_down};

static void gauges_set(struct recorder *r)
{
    struct recorder_counters *c = r->counters;
    const struct live *live = r->live;

    metric_set(&c->journal_bytes, live ? live->journal.bytes : 0);
    metric_set(&c->window_bytes, live ? live->sender.delivery.window_bytes : 0);
    metric_set(&c->window_full, live && delivery_window_full(&live->sender.delivery));
    metric_set(&c->behind_frames, live ? sender_behind(&live->sender) : 0);
    metric_set(&c->redis_up, r->store.state != STORE_DOWN);
    metric_set(&c->redis_connects, r->store.connects);
    metric_set(&c->redis_losses, r->store.losses);
    metric_set(&c->redis_persistent, r->store.persistent);
    metric_set(&c->redis_evicts, r->store.state == STORE_EVICTS);
}

static void each_second(struct recorder *r)
{
    if (r->live) {
        live_keep(r->live, clock_wall_ms());
        live_tell(r->live, r->producer.hits_before, r->ticks % SCAN_TICKS == 0);
        r->move_due = r->live->journal.folder.meta.shard != r->shard;
    } else {
        r->journal_due = true;
        r->held.refusing = false; // it may have changed its mind
    }
    if (r->adoption)
        adoption_poll(r->adoption);
}

static void adoption_look(struct recorder *r)
{
    if (!r->adoption || (r->scanned && r->ticks % SCAN_TICKS != 0))
        return;
    r->scanned = true;
    int error = adoption_scan(r->adoption, NULL);
    if (error)
        log_event(LOG_WARN, "adoption.scan_failed", log_errno(error));
}

void recorder_move(struct recorder *r, unsigned shard)
{
    r->shard = shard;
}

void recorder_adopt_soon(struct recorder *r)
{
    r->scanned = false;
}

static void on_tick(evutil_socket_t unused_fd, short what, void *ctx)
{
    struct recorder *r = ctx;

    (void)unused_fd, (void)what;
    r->ticks++;
    if (r->live)
        live_tick(r->live);
    if (retired_release(&r->retired))
        r->scanned = false;
    held_tick(&r->held, clock_monotonic_ms());
    adoption_look(r);
    if (r->adoption)
        adoption_tick(r->adoption, clock_wall_ms());
    if (r->ticks % TICKS_PER_S == 0)
        each_second(r);
    if (r->ticks % RECHECK_TICKS == 0)
        store_recheck(&r->store);
    gauges_set(r);
}

// --- Life ------------------------------------------------------------------------------------

static struct event *timer_new(struct recorder *r, event_callback_fn callback, int64_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    struct event *timer = event_new(r->base, -1, EV_PERSIST, callback, r);

    if (timer && event_add(timer, &wait) == 0)
        return timer;
    if (timer)
        event_free(timer);
    return NULL;
}

static int recorder_start(struct recorder *r)
{
    const struct recorder_options *o = r->options;

    int error = producer_init(&r->producer, RECORDER_TURN_BYTES);
    if (error == 0)
        error = store_init(&r->store, r->base, &o->redis, &store_events, r);
    if (error)
        return error;
    r->shard = o->shard;
    held_init(&r->held, &r->store, r->shard, on_settled, r);
    r->tick = timer_new(r, on_tick, TICK_MS);
    if (!r->tick)
        return -ENOMEM;
    if (o->journal_sync_ms > 0) {
        r->sync_tick = timer_new(r, on_sync_tick, o->journal_sync_ms);
        error = r->sync_tick ? journal_syncer_open(&r->syncer, r->base, on_synced, r) : -ENOMEM;
    }
    if (error)
        return error;
    producer_renew(&r->producer, FRAME_UNJOURNALED);
    r->journal_due = true;
    mode_update(r);
    return 0;
}

int recorder_open(struct recorder **out, struct event_base *base, const struct recorder_options *options,
                  struct recorder_counters *counters, recorder_settled *settled, void *ctx)
{
    struct recorder *r = calloc(1, sizeof(*r));

    assert(options->segment_bytes >= RECORDER_SEGMENT_BYTES_MIN);
    *out = NULL;
    if (!r)
        return -ENOMEM;
    *r = (struct recorder){
        .base = base, .options = options, .counters = counters, .settled = settled, .ctx = ctx};
    r->mode = RECORDER_BLIND;
    metric_set(&counters->mode, r->mode);
    r->token = 1;
    r->root_fd = -1;
    int error = recorder_start(r);
    if (error)
        recorder_close(r);
    else
        *out = r;
    return error;
}

struct recorder *recorder_close(struct recorder *r)
{
    if (!r)
        return NULL;
    journal_syncer_close(r->syncer);
    store_deinit(&r->store);
    held_deinit(&r->held);
    live_free(r->live);
    retired_deinit(&r->retired);
    adoption_free(r->adoption);
    if (r->tick)
        event_free(r->tick);
    if (r->sync_tick)
        event_free(r->sync_tick);
    producer_deinit(&r->producer);
    if (r->root_fd >= 0)
        close(r->root_fd);
    free(r);
    return NULL;
}
