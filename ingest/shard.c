// The life of a shard: connect, wait for the lock, take over, load. Owner: the main loop. Every trouble leads
// back to an earlier state after a growing pause, never to an exit. Invariants: an entry is deleted only
// after the transaction that dealt with it has committed and its position was published; the cursor is a
// hint, reading begins at 0-0 whenever something changed hands. Limits: PAUSE_MAX_MS between attempts.

#include "ingest/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ingest/accepted.h"
#include "ingest/takeover.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define LOCK_POLL_MS 500
#define ACCEPTED_MS  2000

void shard_init(struct shard *shard, unsigned id, const struct shard_options *options,
                struct counters *counters)
{
    *shard = (struct shard){.id = id, .options = options, .counters = counters, .cursor = "0-0"};
}

// From the start of the stream: what the running load has taken is not committed.
static void shard_read_again(struct shard *shard)
{
    loader_abandon(shard->loader);
    stream_ids_clear(&shard->taken);
    strcpy(shard->cursor, "0-0");
}

// The only function that changes the state.
static void shard_set_state(struct shard *shard, enum shard_state state)
{
    if (state == SHARD_APART) {
        shard->pg = pg_free(shard->pg);
        shard->loader = loader_free(shard->loader);
    }
    if (state != SHARD_WORKING)
        shard_read_again(shard);
    shard->state = state;
}

void shard_deinit(struct shard *shard)
{
    shard_set_state(shard, SHARD_APART);
    positions_deinit(&shard->positions);
}

static void shard_pause(struct shard *shard, uint64_t monotonic_ms)
{
    shard->pause_ms = min_of(max_of(2 * shard->pause_ms, (uint64_t)PAUSE_MIN_MS), (uint64_t)PAUSE_MAX_MS);
    shard->retry_ms = monotonic_ms + shard->pause_ms;
}

static void shard_recovered(struct shard *shard)
{
    if (shard->complained)
        log_event(LOG_INFO, "ingest.shard_recovered", log_uint("shard", shard->id));
    shard->complained = false;
    shard->pause_ms = 0;
    shard->retry_ms = 0;
}

// Says why once, lets the connection (and with it the lock) go, and tries again later.
static void shard_fall_back(struct shard *shard, uint64_t monotonic_ms, const char *why)
{
    shard->counters->postgres_failures++;
    if (!shard->complained)
        log_event(LOG_ERROR, "ingest.shard_stopped", log_uint("shard", shard->id), log_str("why", why));
    shard->complained = true;
    shard_set_state(shard, SHARD_APART);
    shard_pause(shard, monotonic_ms);
}

static void shard_connect(struct shard *shard, uint64_t monotonic_ms)
{
    struct pg_error error = {.message = "out of memory"};
    const char *why = NULL;

    shard->loader = loader_new(&shard->options->limits);
    if (!shard->loader || pg_connect(&shard->pg, shard->options->conninfo, shard->options->session, &error)) {
        shard_fall_back(shard, monotonic_ms, error.message);
        return;
    }
    if (takeover_session(shard->pg, &why)) {
        char text[PG_ERROR_BYTES]; // the connection's own message goes with it
        snprintf(text, sizeof(text), "%s", why ? why : pg_error(shard->pg)->message);
        shard_fall_back(shard, monotonic_ms, text);
        return;
    }
    shard_set_state(shard, SHARD_WAITING);
}

static void shard_lock(struct shard *shard, uint64_t monotonic_ms)
{
    int r = takeover_lock(shard->pg, shard->id);

    if (r == 0)
        shard_set_state(shard, SHARD_TAKEN);
    else if (r == TAKEOVER_LOCKED)
        shard->retry_ms = monotonic_ms + LOCK_POLL_MS;
    else
        shard_fall_back(shard, monotonic_ms, "the lock could not be asked for");
}

static int shard_publish(struct shard *shard, struct redis_client *redis, bool all)
{
    int r = positions_publish(redis, shard->id, &shard->positions, shard->generation, all,
                              &shard->counters->positions_published);
    // Deleting entries is what frees memory, and is safe: they are in PostgreSQL.
    if (r == REDIS_OOM)
        log_event(LOG_ERROR, "ingest.redis_full", log_uint("shard", shard->id));
    return r == 0 || r == REDIS_OOM ? 0 : SHARD_REDIS;
}

static int shard_take_over(struct shard *shard, struct redis_client *redis, uint64_t now_ms,
                           uint64_t monotonic_ms)
{
    int r = takeover_positions(shard, redis);

    if (r == SHARD_REDIS)
        return r;
    if (r == 0)
        r = loader_prepare_days(shard->loader, shard->pg, now_ms);
    if (r) {
        char text[PG_ERROR_BYTES];
        snprintf(text, sizeof(text), "%s", pg_error(shard->pg)->message);
        shard_fall_back(shard, monotonic_ms, text);
        return 0;
    }
    shard->day = now_ms / COPY_DAY_MS;
    if (shard_publish(shard, redis, true))
        return SHARD_REDIS;
    shard->counters->takeovers++;
    shard_recovered(shard);
    shard_set_state(shard, SHARD_WORKING);
    log_event(LOG_INFO, "ingest.shard_taken", log_uint("shard", shard->id),
              log_str("generation", shard->generation), log_uint("producers", shard->positions.n));
    return 0;
}

void shard_assign(struct shard *shard, bool assigned)
{
    if (shard->assigned && !assigned) {
        if (shard_is_ours(shard))
            log_event(LOG_INFO, "ingest.shard_released", log_uint("shard", shard->id));
        shard_deinit(shard);
        shard->complained = false;
        shard->retry_ms = shard->pause_ms = 0;
    }
    shard->assigned = assigned;
}

bool shard_is_ours(const struct shard *shard)
{
    return shard->state == SHARD_TAKEN || shard->state == SHARD_WORKING;
}

int shard_advance(struct shard *shard, struct redis_client *redis, uint64_t now_ms, uint64_t monotonic_ms)
{
    if (!shard->assigned || monotonic_ms < shard->retry_ms)
        return 0;
    if (shard->state == SHARD_APART)
        shard_connect(shard, monotonic_ms);
    if (shard->state == SHARD_WAITING)
        shard_lock(shard, monotonic_ms);
    if (shard->state == SHARD_TAKEN && redis)
        return shard_take_over(shard, redis, now_ms, monotonic_ms);
    return 0;
}

void shard_redis_lost(struct shard *shard)
{
    if (shard->state == SHARD_WORKING)
        shard_set_state(shard, SHARD_TAKEN);
}

bool shard_reads(const struct shard *shard, uint64_t monotonic_ms)
{
    return shard->state == SHARD_WORKING && monotonic_ms >= shard->retry_ms;
}

// --- Loading

static void loaded_note(struct shard *shard)
{
    size_t n;
    const struct loaded_producer *loaded = loader_producers(shard->loader, &n);

    for (size_t i = 0; i < n; i++) {
        if (loaded[i].row.foreign)
            continue;
        struct position *position = positions_get(&shard->positions, loaded[i].row.producer);
        if (position)
            position_move(position, &loaded[i]);
        else
            log_event(LOG_ERROR, "ingest.positions_full", log_uint("shard", shard->id));
    }
}

static void load_failed(struct shard *shard, int r, uint64_t monotonic_ms)
{
    char text[PG_ERROR_BYTES];

    shard->counters->loads_failed++;
    // The same may work later; the connection and the lock stay.
    if (r == PG_RETRY || r < 0) {
        shard_read_again(shard);
        shard_pause(shard, monotonic_ms);
        return;
    }
    snprintf(text, sizeof(text), "%s",
             r == LOAD_MOVED ? "another process moved a producer of this shard"
                             : pg_error(shard->pg)->message);
    shard_fall_back(shard, monotonic_ms, text);
}

// What was taken is committed.
static int dealt_with(struct shard *shard, struct redis_client *redis)
{
    shard_recovered(shard);
    loaded_note(shard);
    if (shard_publish(shard, redis, false))
        return SHARD_REDIS;
    int r = stream_delete(redis, shard->id, &shard->taken);
    shard->counters->entries_trimmed += r ? 0 : shard->taken.n;
    stream_ids_clear(&shard->taken);
    return r ? SHARD_REDIS : 0;
}

static int entries_take(struct shard *shard, const struct delivery deliveries[], size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = stream_ids_add(&shard->taken, deliveries[i].entry_id);
    if (n > 0)
        snprintf(shard->cursor, sizeof(shard->cursor), "%.*s", (int)deliveries[n - 1].entry_id.len,
                 deliveries[n - 1].entry_id.data);
    return r;
}

static int deliveries_load(struct shard *shard, struct redis_client *redis, struct load_input input,
                           uint64_t now_ms, uint64_t monotonic_ms)
{
    while (input.n > 0) {
        size_t done = 0;
        int r = loader_load(shard->loader, shard->pg, shard->id, now_ms, &input, &done, shard->counters);
        if (r && r != LOAD_OPEN) {
            load_failed(shard, r, monotonic_ms);
            return 0;
        }
        if (entries_take(shard, input.deliveries, done) || (r == 0 && dealt_with(shard, redis)))
            return SHARD_REDIS;
        input.waiting_hits -= deliveries_count(input.deliveries, done);
        input.deliveries += done;
        input.n -= done;
    }
    return 0;
}

// About how many hits wait: entries that are not taken yet, as if they held what these do.
static int waiting_look(const struct shard *shard, struct redis_client *redis, struct load_input *input)
{
    struct stream_state state;

    if (stream_look(redis, shard->id, &state))
        return SHARD_REDIS;
    if (state.length > shard->taken.n + input->n)
        input->waiting_hits = input->waiting_hits * (state.length - shard->taken.n) / input->n;
    return 0;
}

int shard_load(struct shard *shard, struct redis_client *redis, const struct redis_reply *entries,
               unsigned asked, uint64_t now_ms, uint64_t monotonic_ms)
{
    size_t n = redis_reply_length(entries), take = 0;
    struct delivery *deliveries = reallocarray(NULL, n, sizeof(*deliveries));
    bool unknown = false;

    if (!deliveries)
        return SHARD_REDIS;
    for (; take < n && !unknown; take++) {
        struct slice id, frame;
        stream_entry(entries, take, &id, &frame);
        deliveries[take] = delivery_of(id, frame);
        unknown = deliveries[take].condition == FRAME_VERSION_UNKNOWN;
    }
    take -= unknown;
    struct load_input input = {deliveries, take, deliveries_count(deliveries, take)};
    int r = take > 0 && n >= asked && !unknown ? waiting_look(shard, redis, &input) : 0;
    if (r == 0)
        r = deliveries_load(shard, redis, input, now_ms, monotonic_ms);
    free(deliveries);
    if (r == 0 && unknown && take == 0)
        r = shard_loaded(shard, redis, now_ms, monotonic_ms); // what stands before it
    return r == 0 && unknown && take == 0 ? SHARD_VERSION_UNKNOWN : r;
}

int shard_loaded(struct shard *shard, struct redis_client *redis, uint64_t now_ms, uint64_t monotonic_ms)
{
    if (!loader_is_open(shard->loader))
        return 0;
    int r = loader_close(shard->loader, now_ms, shard->counters);
    if (r)
        load_failed(shard, r, monotonic_ms);
    return r ? 0 : dealt_with(shard, redis);
}

// --- Every second

// A stream that begins anew (FLUSHALL, an older copy) is read from its start.
static int stream_check(struct shard *shard, struct redis_client *redis, uint64_t now_ms)
{
    struct stream_state state;

    if (stream_look(redis, shard->id, &state))
        return SHARD_REDIS;
    if (stream_id_compare(state.last_id, shard->cursor) < 0) {
        shard_read_again(shard);
        shard->counters->streams_reset++;
        log_event(LOG_WARN, "ingest.stream_reset", log_uint("shard", shard->id));
    }
    shard->counters->waiting_entries += state.length;
    uint64_t oldest_ms = state.first_id[0] ? stream_id_ms(state.first_id) : now_ms;
    if (oldest_ms < now_ms)
        shard->counters->waiting_ms = max_of(shard->counters->waiting_ms, now_ms - oldest_ms);
    return 0;
}

// What trackers have answered. PostgreSQL's refusal is no reason to stop loading.
static int accepted_look(struct shard *shard, struct redis_client *redis, uint64_t monotonic_ms)
{
    if (monotonic_ms < shard->accepted_ms)
        return 0;
    shard->accepted_ms = monotonic_ms + ACCEPTED_MS;
    int r = accepted_note(shard->pg, redis, shard->id, &shard->counters->lost_gap);
    if (r && r != ACCEPTED_REDIS)
        log_event(LOG_WARN, "ingest.accepted_not_noted", log_uint("shard", shard->id),
                  log_str("error", pg_error(shard->pg)->message));
    return r == ACCEPTED_REDIS ? SHARD_REDIS : 0;
}

int shard_tick(struct shard *shard, struct redis_client *redis, uint64_t now_ms, uint64_t monotonic_ms)
{
    if (!shard_is_ours(shard) || monotonic_ms < shard->retry_ms)
        return 0;
    // Without its connection the shard may belong to somebody else by now; silent, it would lose it.
    if (pg_exec(shard->pg, "select 1")) {
        shard_fall_back(shard, monotonic_ms, "the connection to PostgreSQL was lost");
        return 0;
    }
    if (shard->state != SHARD_WORKING || !redis)
        return 0;
    if (shard->day != now_ms / COPY_DAY_MS) {
        shard_set_state(shard, SHARD_TAKEN);
        return shard_take_over(shard, redis, now_ms, monotonic_ms);
    }
    // Beside an open load: what fails in its transaction would fail the load.
    if (!loader_is_open(shard->loader) &&
        (accepted_look(shard, redis, monotonic_ms) || shard_publish(shard, redis, true)))
        return SHARD_REDIS;
    return stream_check(shard, redis, now_ms);
}
