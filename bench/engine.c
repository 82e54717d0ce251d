// One thread, one epoll. In the open loop a request's latency begins when it was due, whether or not a
// connection was free then: a server that stalls is charged for everybody who came meanwhile. Owner:
// bench/load. Limits: connections as descriptors allow.

#include "bench/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bench/schedule.h"

#define EVENTS_MAX     64
#define TICK_NS        UINT64_C(100000000)
#define PROGRESS_TICKS 10
#define PAUSE_NS       UINT64_C(100000000) // of a connection that was refused
#define CLOSED_RATE    1e9

struct engine {
    const struct engine_options *options;
    struct requests *requests;
    struct engine_totals *totals;
    struct client_target targets[ENGINE_FROM_MAX];
    struct client *clients, **free; // free: a ring of those that may ask
    size_t free_first, free_n;
    uint64_t *paused_until_ns; // by client; 0: not paused
    char *inputs;
    struct visitors visitors;
    struct visitor *asks; // by client: who; NULL: nobody comes back
    char *outputs;        // by client, VISITOR_REQUEST_MAX each
    int epoll_fd;
    struct schedule schedule;
    uint64_t now_ns, started_ns, tick_ns, told_answered;
    unsigned ticks, asking, paused;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

// --- Clients ---------------------------------------------------------------------------------

static void free_push(struct engine *engine, struct client *client)
{
    engine->free[(engine->free_first + engine->free_n++) % engine->options->connections] = client;
}

static struct client *free_take(struct engine *engine)
{
    struct client *client = engine->free[engine->free_first];

    engine->free_first = (engine->free_first + 1) % engine->options->connections;
    engine->free_n--;
    return client;
}

static void id_write(struct engine *engine, struct slice id)
{
    engine->totals->ids++;
    if (!engine->options->ids)
        return;
    if (fwrite(id.data, 1, id.len, engine->options->ids) != id.len || putc('\n', engine->options->ids) == EOF)
        engine->totals->ids_failed = true;
}

static void on_answered(void *ctx, struct client *client, const struct reply *reply)
{
    struct engine *engine = ctx;
    struct engine_totals *totals = engine->totals;

    totals->answered++;
    totals->status[reply->status < 600 ? reply->status / 100 : 0]++;
    histogram_add(&totals->latency, clock_ns() - client->due_ns);
    if (reply->click_id.data)
        id_write(engine, reply->click_id);
    if (engine->asks &&
        visitors_keep(&engine->visitors, &engine->asks[client - engine->clients], reply->set_cookie))
        totals->last_error = ENOMEM; // he does not come back
    engine->asking--;
    free_push(engine, client);
}

static void on_failed(void *ctx, struct client *client, enum client_failure failure, int error)
{
    struct engine *engine = ctx;

    engine->totals->failed[failure]++;
    if (error != 0)
        engine->totals->last_error = error;
    engine->asking--;
    engine->paused_until_ns[client - engine->clients] = engine->now_ns + PAUSE_NS;
    engine->paused++;
}

static const struct client_events events = {on_answered, on_failed};

static struct slice request_of(struct engine *engine, const struct client *client)
{
    struct slice request = requests_next(engine->requests);
    size_t i = (size_t)(client - engine->clients);

    if (!engine->asks)
        return request;
    engine->asks[i] = visitors_next(&engine->visitors);
    return visitor_request(&engine->asks[i], request, engine->outputs + i * VISITOR_REQUEST_MAX);
}

static void dispatch(struct engine *engine)
{
    uint64_t due_ns;

    while (engine->free_n > 0 && (due_ns = schedule_due_ns(&engine->schedule)) <= engine->now_ns) {
        struct client *client = free_take(engine);
        if (engine->options->rate > 0 && engine->now_ns - due_ns > TICK_NS / 100)
            engine->totals->late++;
        schedule_take(&engine->schedule);
        engine->totals->sent++;
        engine->asking++;
        client_ask(client, request_of(engine, client), engine->options->rate > 0 ? due_ns : clock_ns(),
                   engine->now_ns);
    }
}

// --- Time ------------------------------------------------------------------------------------

static void progress_tell(struct engine *engine)
{
    const struct engine_totals *totals = engine->totals;
    uint64_t failed = 0;

    for (size_t i = 0; i < array_length(totals->failed); i++)
        failed += totals->failed[i];
    (void)fprintf(stderr,
                  "%4u s  %10" PRIu64 " answered  %8" PRIu64 "/s  %6u asking  %6" PRIu64
                  " failed  p99 %.0f us\n",
                  engine->ticks / PROGRESS_TICKS, totals->answered, totals->answered - engine->told_answered,
                  engine->asking, failed, (double)histogram_quantile(&totals->latency, 0.99) / 1e3);
    engine->told_answered = totals->answered;
}

static void clients_look(struct engine *engine)
{
    for (unsigned i = 0; i < engine->options->connections; i++) {
        struct client *client = &engine->clients[i];
        if (engine->paused_until_ns[i] != 0 && engine->now_ns >= engine->paused_until_ns[i]) {
            engine->paused_until_ns[i] = 0;
            engine->paused--;
            free_push(engine, client);
        } else if (client_asks(client) && engine->now_ns - client->started_ns > engine->options->timeout_ns) {
            client_give_up(client);
        }
    }
}

static void tick(struct engine *engine)
{
    if (engine->now_ns < engine->tick_ns)
        return;
    engine->tick_ns += TICK_NS;
    clients_look(engine);
    if (++engine->ticks % PROGRESS_TICKS == 0 && !engine->options->quiet)
        progress_tell(engine);
}

// Nothing more is asked when the time is over; what was asked is waited for.
static bool goes_on(struct engine *engine)
{
    if (stopped) {
        engine->totals->interrupted = true;
        return false;
    }
    if (engine->now_ns - engine->started_ns >= engine->options->lasts_ns)
        engine->schedule.left = 0;
    return engine->schedule.left > 0 || engine->asking > 0;
}

static struct timespec wait_time(const struct engine *engine)
{
    uint64_t until_ns = engine->tick_ns;

    if (engine->free_n > 0)
        until_ns = min_of(until_ns, schedule_due_ns(&engine->schedule));
    uint64_t ns = until_ns > engine->now_ns ? until_ns - engine->now_ns : 0;
    return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

static int turn(struct engine *engine)
{
    struct epoll_event ready[EVENTS_MAX];
    struct timespec wait = wait_time(engine);
    int n = epoll_pwait2(engine->epoll_fd, ready, EVENTS_MAX, &wait, NULL);

    if (n < 0 && errno != EINTR)
        return -errno;
    engine->now_ns = clock_ns();
    for (int i = 0; i < n; i++) {
        client_handle(ready[i].data.ptr, ready[i].events);
        dispatch(engine); // at once, so that the server's queue is not filled in bursts
    }
    dispatch(engine);
    tick(engine);
    return 0;
}

// --- Life ------------------------------------------------------------------------------------

static void targets_make(struct engine *engine)
{
    const struct engine_options *options = engine->options;

    for (size_t i = 0; i < max_of(options->n_from, (size_t)1); i++)
        engine->targets[i] =
            (struct client_target){.address = options->address,
                                   .address_bytes = options->address_bytes,
                                   .from = options->from[i],
                                   .from_bytes = options->n_from > 0 ? options->from_bytes : 0,
                                   .epoll_fd = engine->epoll_fd,
                                   .close = options->close};
}

static int clients_make(struct engine *engine)
{
    unsigned n = engine->options->connections;
    size_t n_targets = max_of(engine->options->n_from, (size_t)1);

    engine->clients = calloc(n, sizeof(*engine->clients));
    engine->free = calloc(n, sizeof(*engine->free));
    engine->paused_until_ns = calloc(n, sizeof(*engine->paused_until_ns));
    engine->inputs = calloc(n, CLIENT_INPUT_BYTES);
    if (!engine->clients || !engine->free || !engine->paused_until_ns || !engine->inputs)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++) {
        engine->clients[i] = (struct client){.target = &engine->targets[i % n_targets],
                                             .events = &events,
                                             .ctx = engine,
                                             .fd = -1,
                                             .input = engine->inputs + (size_t)i * CLIENT_INPUT_BYTES};
        free_push(engine, &engine->clients[i]);
    }
    return 0;
}

static int visitors_make(struct engine *engine)
{
    const struct engine_options *options = engine->options;

    if (options->returning_per_cent == 0)
        return 0;
    engine->visitors = (struct visitors){.random = options->seed, .per_cent = options->returning_per_cent};
    engine->asks = calloc(options->connections, sizeof(*engine->asks));
    engine->outputs = calloc(options->connections, VISITOR_REQUEST_MAX);
    return engine->asks && engine->outputs ? 0 : -ENOMEM;
}

static void signals_catch(void)
{
    const struct sigaction action = {.sa_handler = on_signal};

    stopped = 0;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void engine_start(struct engine *engine)
{
    const struct engine_options *options = engine->options;

    signals_catch();
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // else a due time is met 50 us late
    engine->now_ns = engine->started_ns = clock_ns();
    engine->tick_ns = engine->started_ns + TICK_NS;
    schedule_init(&engine->schedule, engine->started_ns, options->rate > 0 ? options->rate : CLOSED_RATE,
                  options->n, options->seed, options->even || options->rate == 0);
}

static void engine_end(struct engine *engine)
{
    for (unsigned i = 0; engine->clients && i < engine->options->connections; i++)
        client_close(&engine->clients[i]);
    free(engine->clients);
    free(engine->free);
    free(engine->paused_until_ns);
    free(engine->inputs);
    free(engine->asks);
    free(engine->outputs);
    visitors_free(&engine->visitors);
    if (engine->epoll_fd >= 0)
        close(engine->epoll_fd);
}

int engine_run(const struct engine_options *options, struct requests *requests, struct engine_totals *totals)
{
    struct engine engine = {.options = options, .requests = requests, .totals = totals};

    memset(totals, 0, sizeof(*totals));
    engine.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (engine.epoll_fd < 0)
        return -errno;
    targets_make(&engine);
    int r = clients_make(&engine);
    if (r == 0)
        r = visitors_make(&engine);
    if (r == 0)
        engine_start(&engine);
    while (r == 0 && goes_on(&engine)) {
        dispatch(&engine);
        r = turn(&engine);
    }
    totals->elapsed_ns = engine.now_ns - engine.started_ns;
    if (options->ids && fflush(options->ids) != 0)
        totals->ids_failed = true;
    engine_end(&engine);
    return r;
}
