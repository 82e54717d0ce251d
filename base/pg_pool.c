// The door to PostgreSQL (libpq), asynchronous half: jobs on a fixed number of connections. Owner: the api's
// loop. A link is the connection's life: DOWN -> CONNECTING -> IDLE <-> BUSY, HELD while the owner of an open
// job thinks, and CLEANING after a refused or closed job, while the transaction is rolled back. Invariants:
// only link_move() changes a state; a link is IDLE only if the server says that no transaction is open; a job
// has its answer once, and only after COMMIT. A connection that does anything else is closed. Limits:
// options' size, waiting_max and job_timeout_ms; PG_JOB_*_MAX.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "base/pg_pool_internal.h"

#define SETTINGS "-c timezone=UTC -c datestyle=ISO" // of each session, before the user's

static void link_ready(evutil_socket_t fd, short what, void *arg);

static struct timeval timeval_of(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

// --- Links

static void link_move(struct pg_link *link, enum link_state to)
{
    struct pg_pool *pool = link->pool;
    bool was_open = link->state > LINK_CONNECTING, is_open = to > LINK_CONNECTING;
    if (is_open && !was_open) {
        pool->counters.connects++;
        pool->counters.open++;
        link->retry_ms = pool->options.retry_min_ms;
    } else if (was_open && !is_open) {
        pool->counters.disconnects++;
        pool->counters.open--;
    }
    link->state = to;
    if (to == LINK_IDLE && !TAILQ_EMPTY(&pool->waiting))
        event_active(pool->dispatch, EV_TIMEOUT, 0);
}

static void link_forget_results(struct pg_link *link)
{
    PQclear(link->value);
    PQclear(link->error);
    link->value = link->error = NULL;
    link->n_results = 0;
}

static void link_close(struct pg_link *link)
{
    if (link->io)
        event_free(link->io);
    link->io = NULL;
    PQfinish(link->conn);
    link->conn = NULL;
    link_forget_results(link);
    if (link->job)
        pg_job_end_without(link->job, PG_JOB_LOST, "the connection to the database was lost");
    link_move(link, LINK_DOWN);
}

static void link_fail(struct pg_link *link)
{
    struct timeval pause = timeval_of(link->retry_ms);
    link_close(link);
    link->retry_ms = min_of(link->retry_ms * 2, link->pool->options.retry_max_ms);
    evtimer_add(link->retry, &pause);
}

static int link_watch(struct pg_link *link, bool reads, bool writes)
{
    short what = EV_PERSIST;
    if (reads)
        what |= EV_READ;
    if (writes)
        what |= EV_WRITE;
    // While connecting libpq may have another socket behind the same number.
    if (link->io && link->state != LINK_CONNECTING && event_get_events(link->io) == what)
        return 0;
    if (link->io)
        event_free(link->io);
    link->io = event_new(link->pool->base, PQsocket(link->conn), what, link_ready, link);
    return link->io && event_add(link->io, NULL) == 0 ? 0 : -ENOMEM;
}

static int link_flush(struct pg_link *link)
{
    int left = PQflush(link->conn);
    return left < 0 ? -EIO : link_watch(link, true, left > 0);
}

static void ignore_notice(void *ctx, const PGresult *notice)
{
    (void)ctx;
    (void)notice;
}

static void link_connect_on(struct pg_link *link)
{
    int result = 0;
    switch (PQconnectPoll(link->conn)) {
    case PGRES_POLLING_READING:
        result = link_watch(link, true, false);
        break;
    case PGRES_POLLING_WRITING:
    case PGRES_POLLING_ACTIVE:
        result = link_watch(link, false, true);
        break;
    case PGRES_POLLING_OK:
        evtimer_del(link->retry);
        PQsetNoticeReceiver(link->conn, ignore_notice, NULL);
        if (PQsetnonblocking(link->conn, 1) != 0 || PQenterPipelineMode(link->conn) != 1 ||
            link_watch(link, true, false) < 0)
            result = -EIO;
        else
            link_move(link, LINK_IDLE);
        break;
    case PGRES_POLLING_FAILED:
        result = -EIO;
        break;
    }
    if (result < 0)
        link_fail(link);
}

static void link_connect(struct pg_link *link)
{
    const struct pg_pool *pool = link->pool;
    const char *names[] = {"dbname",          "application_name", "client_encoding", "options",
                           "connect_timeout", "tcp_user_timeout", "keepalives_idle", NULL};
    const char *values[] = {
        pool->conninfo, pool->application, "UTF8", pool->settings, "5", "10000", "10", NULL};
    struct timeval limit = {.tv_sec = 5};
    link_move(link, LINK_CONNECTING);
    link->conn = PQconnectStartParams(names, values, 1);
    if (!link->conn || PQstatus(link->conn) == CONNECTION_BAD || link_watch(link, false, true) < 0)
        link_fail(link);
    else
        evtimer_add(link->retry, &limit); // connecting has its limit, too
}

static void link_retry(evutil_socket_t fd, short what, void *arg)
{
    struct pg_link *link = arg;
    (void)fd;
    (void)what;
    if (link->state == LINK_CONNECTING)
        link_fail(link);
    else
        link_connect(link);
}

static int link_send(struct pg_link *link, const char *sql, const struct pg_step *step)
{
    const char *values[PG_JOB_PARAMS_MAX];
    size_t n = step ? step->n_params : 0;
    for (size_t i = 0; i < n; i++)
        values[i] = step->params[i].data;
    return PQsendQueryParams(link->conn, sql, (int)n, NULL, values, NULL, NULL, 0) == 1 ? 0 : -EIO;
}

static void link_take(struct pg_link *link, struct pg_job *job)
{
    struct pg_pool *pool = link->pool;
    struct timeval limit = timeval_of(pool->options.job_timeout_ms);
    TAILQ_REMOVE(&pool->waiting, job, waiting);
    pool->counters.waiting--;
    pool->counters.busy++;
    job->link = link;
    link->job = job;
    link_move(link, LINK_BUSY);
    const char *begin = job->is_open ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN";
    int result = evtimer_add(job->timer, &limit) == 0 ? link_send(link, begin, NULL) : -ENOMEM;
    for (size_t i = 0; i < job->n_steps && result == 0; i++)
        result = link_send(link, job->steps[i].sql, &job->steps[i]);
    if (result == 0 && !job->is_open)
        result = link_send(link, "COMMIT", NULL);
    link->n_expected = job->n_steps + (job->is_open ? 1 : 2);
    if (result < 0 || PQpipelineSync(link->conn) != 1 || link_flush(link) < 0)
        link_fail(link);
}

static int link_clean(struct pg_link *link)
{
    link_move(link, LINK_CLEANING);
    if (link_send(link, "ROLLBACK", NULL) < 0 || PQpipelineSync(link->conn) != 1)
        return -EIO;
    return link_flush(link);
}

// The owner of an open job has gone.
static int link_leave(struct pg_link *link)
{
    struct pg_job *job = link->job;
    link->job = NULL;
    link->pool->counters.busy--;
    link->pool->counters.done++;
    pg_job_free(job);
    return link_clean(link);
}

// A step of an open job is answered; its owner may ask for the next or close it before this returns.
static int link_hold(struct pg_link *link)
{
    struct pg_job *job = link->job;
    struct pg_job_result result = pg_job_result_of(PG_JOB_OPEN, link->value);
    PGresult *value = link->value;
    evtimer_del(job->timer);
    link->value = NULL;
    link_forget_results(link);
    link_move(link, LINK_HELD);
    if (!job->done) {
        PQclear(value);
        return link_leave(link);
    }
    job->done(job->ctx, &result);
    PQclear(value);
    return 0;
}

// The server has answered everything up to the sync point. 0 or a negative errno.
static int link_synced(struct pg_link *link)
{
    struct pg_job *job = link->job;
    if (link->state == LINK_BUSY && !link->error && link->n_results != link->n_expected)
        return -EPROTO;
    if (job && job->is_open && !link->error)
        return link_hold(link);
    if (job)
        pg_job_end_by(job, link->value, link->error);
    bool failed = link->error != NULL;
    link_forget_results(link);
    if (PQtransactionStatus(link->conn) == PQTRANS_IDLE) {
        link_move(link, LINK_IDLE);
        return 0;
    }
    if (link->state == LINK_CLEANING || !failed)
        return -EPROTO;
    return link_clean(link);
}

// Takes over one result. COMMIT that answers ROLLBACK is a refusal, too, but a failed step came before it.
static int link_result(struct pg_link *link, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        link->n_results++;
        if (status == PGRES_TUPLES_OK) {
            PQclear(link->value);
            link->value = result;
        } else {
            PQclear(result);
        }
        return 0;
    }
    if (status == PGRES_FATAL_ERROR && !link->error && link->state == LINK_BUSY) {
        link->error = result;
        return 0;
    }
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC)
        return link->state == LINK_IDLE || link->state == LINK_HELD ? -EPROTO : link_synced(link);
    return status == PGRES_PIPELINE_ABORTED ? 0 : -EPROTO;
}

// One NULL ends a statement's results; two in a row, or NULL on a link that asks nothing, mean that there is
// no more.
static int link_results(struct pg_link *link)
{
    bool after_null = false;
    while (link->state >= LINK_BUSY && !PQisBusy(link->conn)) {
        PGresult *result = PQgetResult(link->conn);
        if (!result && after_null)
            return 0;
        after_null = !result;
        if (result && link_result(link, result) < 0)
            return -EPROTO;
    }
    return 0;
}

static void link_ready(evutil_socket_t fd, short what, void *arg)
{
    struct pg_link *link = arg;
    (void)fd;
    if (link->state == LINK_CONNECTING) {
        link_connect_on(link);
        return;
    }
    // A failed connection is read to its end: the reason, or even the answer, may have come before.
    bool broken = (what & EV_READ) && PQconsumeInput(link->conn) != 1;
    if (link_results(link) < 0 || broken || PQstatus(link->conn) != CONNECTION_OK || link_flush(link) < 0)
        link_fail(link);
}

// --- The pool

static void pool_dispatch(evutil_socket_t fd, short what, void *arg)
{
    struct pg_pool *pool = arg;
    (void)fd;
    (void)what;
    for (unsigned i = 0; i < pool->options.size && !TAILQ_EMPTY(&pool->waiting); i++) {
        if (pool->links[i].state == LINK_IDLE)
            link_take(&pool->links[i], TAILQ_FIRST(&pool->waiting));
    }
}

static void job_late(evutil_socket_t fd, short what, void *arg)
{
    struct pg_job *job = arg;
    (void)fd;
    (void)what;
    if (job->link)
        link_fail(job->link);
    else
        pg_job_end_without(job, PG_JOB_UNSENT, "the database cannot be reached");
}

static struct pg_job *job_new(struct pg_pool *pool, const struct pg_step steps[], size_t n_steps)
{
    struct timeval limit = timeval_of(pool->options.wait_timeout_ms);
    struct pg_job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->pool = pool;
    job->timer = evtimer_new(pool->base, job_late, job);
    if (job->timer && evtimer_add(job->timer, &limit) == 0 && pg_job_set_steps(job, steps, n_steps) == 0)
        return job;
    if (job->timer)
        event_free(job->timer);
    free(job);
    return NULL;
}

int pg_pool_open(struct pg_pool *pool, const struct pg_step steps[], size_t n_steps, pg_job_done *done,
                 void *ctx, struct pg_job **out)
{
    if (pool->counters.waiting >= pool->options.waiting_max) {
        pool->counters.full++;
        return PG_POOL_FULL;
    }
    struct pg_job *job = job_new(pool, steps, n_steps);
    if (!job)
        return -ENOMEM;
    job->done = done;
    job->ctx = ctx;
    job->is_open = true;
    TAILQ_INSERT_TAIL(&pool->waiting, job, waiting);
    pool->counters.jobs++;
    pool->counters.waiting++;
    event_active(pool->dispatch, EV_TIMEOUT, 0);
    *out = job;
    return 0;
}

int pg_pool_run(struct pg_pool *pool, const struct pg_step steps[], size_t n_steps, pg_job_done *done,
                void *ctx)
{
    struct pg_job *job;
    int result = pg_pool_open(pool, steps, n_steps, done, ctx, &job);
    if (result == 0)
        job->is_open = false;
    return result;
}

int pg_job_next(struct pg_job *job, const struct pg_step *step)
{
    struct timeval limit = timeval_of(job->pool->options.job_timeout_ms);
    struct pg_link *link = job->link;
    assert(link->state == LINK_HELD);
    if (pg_job_set_steps(job, step, 1) < 0 || evtimer_add(job->timer, &limit) != 0)
        return -ENOMEM;
    link_move(link, LINK_BUSY);
    link->n_expected = 1;
    // What fails here is told from the loop, as everything else is.
    if (link_send(link, step->sql, &job->steps[0]) < 0 || PQpipelineSync(link->conn) != 1 ||
        link_flush(link) < 0)
        event_active(job->timer, EV_TIMEOUT, 0);
    return 0;
}

void pg_job_close(struct pg_job *job)
{
    struct pg_link *link = job->link;
    job->done = NULL;
    if (!link)
        pg_job_end_without(job, PG_JOB_UNSENT, "");
    else if (link->state == LINK_HELD && link_leave(link) < 0)
        link_fail(link);
}

struct pg_pool *pg_pool_new(struct event_base *base, const struct pg_pool_options *options)
{
    assert(options->size >= 1 && options->size <= PG_POOL_SIZE_MAX && options->retry_min_ms > 0);
    struct pg_pool *pool = calloc(1, sizeof(*pool) + options->size * sizeof(pool->links[0]));
    if (!pool)
        return NULL;
    pool->base = base;
    pool->options = *options;
    TAILQ_INIT(&pool->waiting);
    pool->conninfo = strdup(options->conninfo);
    pool->application = strdup(options->application);
    if (asprintf(&pool->settings, SETTINGS "%s", options->settings ? options->settings : "") < 0)
        pool->settings = NULL;
    pool->dispatch = event_new(base, -1, 0, pool_dispatch, pool);
    bool good = pool->conninfo && pool->application && pool->settings && pool->dispatch;
    for (unsigned i = 0; i < options->size; i++) {
        struct pg_link *link = &pool->links[i];
        *link = (struct pg_link){.pool = pool, .retry_ms = options->retry_min_ms};
        link->retry = evtimer_new(base, link_retry, link);
        good = good && link->retry;
    }
    if (!good) {
        errno = ENOMEM;
        return pg_pool_free(pool);
    }
    for (unsigned i = 0; i < options->size; i++)
        link_connect(&pool->links[i]);
    return pool;
}

struct pg_pool *pg_pool_free(struct pg_pool *pool)
{
    if (!pool)
        return NULL;
    for (unsigned i = 0; i < pool->options.size; i++) {
        link_close(&pool->links[i]);
        if (pool->links[i].retry)
            event_free(pool->links[i].retry);
    }
    while (!TAILQ_EMPTY(&pool->waiting))
        pg_job_end_without(TAILQ_FIRST(&pool->waiting), PG_JOB_UNSENT, "the program is stopping");
    if (pool->dispatch)
        event_free(pool->dispatch);
    free(pool->conninfo);
    free(pool->settings);
    free(pool->application);
    free(pool);
    return NULL;
}

const struct pg_pool_counters *pg_pool_counters(const struct pg_pool *pool)
{
    return &pool->counters;
}
