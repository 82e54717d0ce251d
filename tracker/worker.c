// A worker: one thread, one loop. The turn is the batch: requests are read and answered inside
// event_base_loop(), their hits are recorded in one frame, then the answers are written.
//
// Owner: its process. Allocates at start and not again. On SIGTERM it stops accepting, answers what is there
// and what still comes over open connections, and leaves its journal to the next owner. A connection that is
// kept open unused is closed late, because a request may be under way to it: UNUSED_MS after the SIGTERM, or,
// when another tracker serves the port meanwhile, UNUSED_MS before the end of the drain.

#include "tracker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <xxhash.h>

#include "base/clock.h"
#include "tracker/context.h"
#include "tracker/routes.h"

#define PIPELINED_MAX     16
#define RETRY_ROUNDS_MAX  8 // of one turn; the recorder has three modes
#define BEAT_MS           200
#define UNUSED_MS         1000
#define OUTPUT_BYTES_MAX  (1 << 20)
#define HOST_NAME_MAX_LEN 256

struct worker {
    const struct worker_options *options;
    struct context context;
    struct event_base *base;
    struct event *beat, *term;
    struct recorder_options recorder;
    char journal_dir[320], catalog_dir[320], host[HOST_NAME_MAX_LEN];
    int stop_fd;
    uint64_t generation; // of the settings
    uint64_t orphans;    // of the supervisor, seen
    int failed;          // negative errno
    bool listening, stopping, unused_closed;
    uint64_t stopping_ms; // since; monotonic
};

static void generation_note(struct worker *worker, uint64_t generation)
{
    const struct worker_options *options = worker->options;

    worker->generation = generation;
    metric_set(&options->shared->worker[options->index].counters.config_generation, generation);
}

// Between two turns.
static void settings_take(struct worker *worker)
{
    struct settings *settings = worker->options->settings;

    if (!settings_refresh(settings, &worker->generation, &worker->options->shared->settings))
        return;
    log_open("tracker", (enum log_level)settings->config.log.level);
    worker->recorder.journal_keep_ms = settings->config.journal_keep_ms;
    worker->recorder.journal_keep_bytes = settings->config.journal_keep_bytes;
    reference_reload(worker->context.reference, &settings->config);
    generation_note(worker, worker->generation);
}

// The last thing in a start: a visitor who is accepted is answered. In an upgrade the supervisor says when.
static int listen_due(struct worker *worker)
{
    const struct worker_options *options = worker->options;
    int r = 0;

    if (worker->listening || !__atomic_load_n(&options->shared->open, __ATOMIC_RELAXED))
        return 0;
    for (unsigned i = 0; r == 0 && i < options->n_listen_fds; i++)
        r = http_server_adopt(worker->context.server, options->listen_fds[i]);
    worker->listening = r == 0;
    metric_set(&worker->context.counters->listening, worker->listening);
    return r;
}

static void orphans_due(struct worker *worker)
{
    uint64_t orphans = __atomic_load_n(&worker->options->shared->orphans, __ATOMIC_RELAXED);

    if (orphans == worker->orphans)
        return;
    worker->orphans = orphans;
    recorder_adopt_soon(worker->context.recorder);
}

static void unused_close_due(struct worker *worker)
{
    uint64_t age_ms = clock_monotonic_ms() - worker->stopping_ms;
    uint64_t drain_ms = (uint64_t)worker->options->settings->config.drain_ms;
    bool relieved = __atomic_load_n(&worker->options->shared->relieved, __ATOMIC_RELAXED);
    uint64_t due_ms = relieved ? drain_ms - min_of(drain_ms, (uint64_t)UNUSED_MS) : UNUSED_MS;

    if (worker->unused_closed || age_ms < due_ms)
        return;
    worker->unused_closed = true;
    http_server_close_unused(worker->context.server);
}

// Workers of a host take different shards; which one comes first depends on the host.
static unsigned shard_choose(const struct worker *worker)
{
    uint32_t shards = catalog_shards(worker->context.catalog);
    uint64_t first = XXH3_64bits(worker->host, strlen(worker->host)) % CATALOG_SHARDS_MAX;

    return shards > 0 ? (unsigned)((first + worker->options->index) % shards) : 0;
}

// Looks alive to the supervisor, and takes a new catalog also when nobody asks for anything.
static void on_beat(evutil_socket_t fd, short what, void *ctx)
{
    struct worker *worker = ctx;
    struct counters *counters = worker->context.counters;

    (void)fd;
    (void)what;
    worker->context.turn_begun = false;
    catalog_retry(worker->context.catalog);
    context_turn_begin(&worker->context);
    counters->http = *http_server_counters(worker->context.server);
    metric_set(&counters->connections, http_server_connections(worker->context.server));
    metric_set(&counters->beat_ms, clock_monotonic_ms());
    orphans_due(worker);
    recorder_move(worker->context.recorder, shard_choose(worker));
    if (worker->stopping)
        unused_close_due(worker);
    else if (worker->failed == 0)
        worker->failed = listen_due(worker);
}

static void on_term(evutil_socket_t fd, short what, void *ctx)
{
    struct worker *worker = ctx;

    (void)fd;
    (void)what;
    if (worker->stopping)
        return;
    worker->stopping = true;
    worker->stopping_ms = clock_monotonic_ms();
    http_server_drain(worker->context.server);
    recorder_hurry(worker->context.recorder);
}

static void on_settled(void *ctx, uint64_t token, bool stored)
{
    struct worker *worker = ctx;

    turn_settle(&worker->context.turn, worker->context.server, token, stored);
}

static void turn_run(struct worker *worker)
{
    struct context *context = &worker->context;

    event_base_loop(worker->base, EVLOOP_ONCE);
    for (unsigned round = 0; round < RETRY_ROUNDS_MAX; round++) {
        bool again = turn_answer_again(&context->turn, context->server);
        context_frame_end(context);
        if (!again && context->turn.n_again == 0)
            break;
    }
    turn_hold_again(&context->turn, context->server);
    http_server_flush(context->server);
    context->turn_begun = false;
    settings_take(worker);
}

static bool work_left(const struct worker *worker)
{
    return !worker->stopping || (http_server_connections(worker->context.server) > 0 &&
                                 clock_monotonic_ms() - worker->stopping_ms <
                                     (uint64_t)worker->options->settings->config.drain_ms);
}

static int server_start(struct worker *worker)
{
    struct context *context = &worker->context;
    const struct tracker_config *config = &worker->options->settings->config;
    const struct http_limits limits = {.connections_max =
                                           program_connections((unsigned)config->connections_max),
                                       .pipelined_max = PIPELINED_MAX,
                                       .output_bytes_max = OUTPUT_BYTES_MAX};

    context->server = http_server_new(worker->base, &limits, routes_answer, context);
    if (!context->server)
        return -errno;
    return turn_init(&context->turn, (size_t)limits.connections_max * PIPELINED_MAX);
}

static int recorder_start(struct worker *worker)
{
    const struct tracker_config *config = &worker->options->settings->config;

    gethostname(worker->host, sizeof(worker->host) - 1);
    worker->recorder = (struct recorder_options){
        .journal_dir = worker->journal_dir,
        .host = worker->host,
        .worker = worker->options->index,
        .shard = shard_choose(worker),
        .adopt = worker->options->index == 0,
        .journal_sync_ms = config->journal_sync_ms,
        .journal_keep_ms = config->journal_keep_ms,
        .journal_keep_bytes = config->journal_keep_bytes,
        .segment_bytes = config->journal_segment_bytes,
        .redis_window_bytes = config->redis_window_bytes,
        .redis = options_redis(config),
    };
    int r =
        recorder_open(&worker->context.recorder, worker->base, &worker->recorder,
                      &worker->options->shared->worker[worker->options->index].recorder, on_settled, worker);
    if (r == 0)
        context_frame_end(&worker->context); // takes the journal before the first visitor comes
    return r;
}

static int context_start(struct worker *worker)
{
    const struct worker_options *options = worker->options;
    struct context *context = &worker->context;

    context->config = &options->settings->config;
    context->keys = &options->settings->keys;
    context->proxies = &options->settings->proxies;
    context->counters = &options->shared->worker[options->index].counters;
    context->address_key = options->settings->address_key;
    context->reference = options->reference;
    click_id_generator_init(&context->generator, context->keys, click_id_instance());
    int r = answers_init(&context->answers);
    return r ? -EINVAL : catalog_new(&context->catalog, worker->catalog_dir, &options->shared->catalog);
}

static int events_start(struct worker *worker)
{
    const struct timeval beat = {.tv_usec = BEAT_MS * 1000};

    worker->beat = event_new(worker->base, -1, EV_PERSIST, on_beat, worker);
    worker->stop_fd = program_stop_fd();
    if (worker->stop_fd < 0)
        return worker->stop_fd;
    worker->term = event_new(worker->base, worker->stop_fd, EV_READ, on_term, worker);
    if (!worker->beat || !worker->term || event_add(worker->beat, &beat) != 0 ||
        event_add(worker->term, NULL) != 0)
        return -ENOMEM;
    return 0;
}

static int worker_start(struct worker *worker)
{
    struct event_config *plain = event_config_new();

    if (plain) {
        event_config_set_flag(plain, EVENT_BASE_FLAG_NOLOCK);
        worker->base = event_base_new_with_config(plain);
        event_config_free(plain);
    }
    if (!worker->base)
        return -ENOMEM;
    const char *state = worker->options->settings->config.state;
    snprintf(worker->journal_dir, sizeof(worker->journal_dir), "%s/journal", state);
    snprintf(worker->catalog_dir, sizeof(worker->catalog_dir), "%s/catalog", state);
    int r = context_start(worker);
    if (r == 0)
        r = server_start(worker);
    if (r == 0)
        r = recorder_start(worker);
    if (r == 0)
        r = events_start(worker);
    return r ? r : listen_due(worker);
}

static void worker_end(struct worker *worker)
{
    struct context *context = &worker->context;

    context->recorder = recorder_close(context->recorder);
    context->server = http_server_free(context->server);
    context->catalog = catalog_free(context->catalog);
    turn_free(&context->turn);
    if (worker->beat)
        event_free(worker->beat);
    if (worker->term)
        event_free(worker->term);
    if (worker->base)
        event_base_free(worker->base);
    free(worker);
}

int worker_run(const struct worker_options *options)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return -ENOMEM;
    worker->options = options;
    generation_note(worker, options->generation);
    int r = worker_start(worker);
    if (r == 0)
        on_beat(-1, 0, worker);
    while (r == 0 && work_left(worker)) {
        turn_run(worker);
        r = worker->failed;
    }
    if (worker->stopping)
        event_base_loop(worker->base, EVLOOP_NONBLOCK); // what the last turn recorded is on its way to Redis
    worker_end(worker);
    return r;
}
