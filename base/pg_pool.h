#pragma once

// The door to PostgreSQL, asynchronous half: a fixed number of connections on a libevent loop, for one
// thread. A job is one transaction of a few statements, sent as one pipeline:
//     BEGIN; step 1; ...; step n; COMMIT
// Its answer is the first cell of the last step, and is given only after COMMIT succeeded. A connection takes
// the next job only when the server says that no transaction is open on it. Lost connections come back with a
// growing pause.
//
// An open job reads more than an answer should hold: a transaction that sees one state of the database and
// changes nothing, whose owner asks step by step, at its leisure, and closes it. It keeps its connection for
// so long: its owner limits how many there are and how long they take.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define PG_JOB_STEPS_MAX  2
#define PG_JOB_PARAMS_MAX 4
#define PG_POOL_SIZE_MAX  64

struct event_base;
struct pg_pool;
struct pg_job;

struct pg_pool_options {
    const char *conninfo;                // as in libpq; the pool copies it
    const char *application;             // application_name
    const char *settings;                // " -c name=value"..., of each session; NULL: none; the pool copies it
    unsigned size;                       // connections, 1..PG_POOL_SIZE_MAX
    unsigned waiting_max;                // jobs without a connection; more are refused
    unsigned wait_timeout_ms;            // from pg_pool_run() until a connection takes the job
    unsigned job_timeout_ms;             // from there to the answer; then the connection is closed
    unsigned retry_min_ms, retry_max_ms; // pause between attempts to connect
};

// A statement and its parameters as text (.data NULL: SQL null; must hold no NUL byte).
struct pg_step {
    const char *sql; // a literal, lives as long as the pool
    size_t n_params;
    struct slice params[PG_JOB_PARAMS_MAX];
};

enum pg_job_end {
    PG_JOB_DONE,    // committed; `value` is the answer
    PG_JOB_REFUSED, // the server refused it (see `sqlstate`); nothing was done
    PG_JOB_LOST,    // the connection broke or the time was up: unknown whether it was done
    PG_JOB_UNSENT,  // no connection within the time: nothing was done
    PG_JOB_OPEN,    // not the end: a step of an open job is answered by `value` and `second`
};

struct pg_job_result {
    enum pg_job_end end;
    struct slice value;                             // .data NULL: no row or SQL null
    const char *sqlstate, *message, *hint, *detail; // of REFUSED; never NULL
    struct slice second;                            // of an open job: the cell beside `value`
};

// Called once per accepted job, from the event loop, never from within pg_pool_run(). The strings live until
// it returns.
typedef void pg_job_done(void *ctx, const struct pg_job_result *result);

struct pg_pool_counters {
    uint64_t jobs, done, refused, lost, unsent, full; // full: refused by pg_pool_run()
    uint64_t connects, disconnects;
    uint64_t open, busy, waiting; // now
};

enum pg_pool_condition {
    PG_POOL_FULL = 1,
};

// NULL with errno. Connecting starts at once and goes on in the loop.
struct pg_pool *pg_pool_new(struct event_base *base, const struct pg_pool_options *options);
// NULL; takes NULL. Open jobs end as LOST or UNSENT first.
struct pg_pool *pg_pool_free(struct pg_pool *pool);

// Steps and parameters are copied. 0, PG_POOL_FULL or -ENOMEM (then `done` is not called).
must_check int pg_pool_run(struct pg_pool *pool, const struct pg_step steps[], size_t n_steps,
                           pg_job_done *done, void *ctx);

// As pg_pool_run(), and the job stays open: `done` is called for each answer with PG_JOB_OPEN; then the owner
// calls, in it or later, pg_job_next() or pg_job_close(). Any other end is the last call, and the job is
// gone.
must_check int pg_pool_open(struct pg_pool *pool, const struct pg_step steps[], size_t n_steps,
                            pg_job_done *done, void *ctx, struct pg_job **job);
// The step is copied. 0, or -ENOMEM: the job is as it was.
must_check int pg_job_next(struct pg_job *job, const struct pg_step *step);
// Whether it waits, works or was answered: `done` is not called any more.
void pg_job_close(struct pg_job *job);

const struct pg_pool_counters *pg_pool_counters(const struct pg_pool *pool);
