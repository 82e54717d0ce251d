#pragma once

// What the two files of the pool share; nobody else includes it. pg_job.c has the jobs, pg_pool.c the
// connections.

#include <sys/queue.h>

#include <event2/event.h>

#include "base/pg_pool.h"

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_IDLE, LINK_BUSY, LINK_HELD, LINK_CLEANING };

struct pg_job {
    TAILQ_ENTRY(pg_job) waiting;
    struct event *timer;
    struct pg_pool *pool;
    struct pg_link *link; // NULL while it waits
    pg_job_done *done;
    void *ctx;
    bool is_open; // until its owner closes it
    size_t n_steps;
    struct pg_step steps[PG_JOB_STEPS_MAX]; // parameters point into `bytes`, NUL-terminated
    char *bytes;
};

struct pg_link {
    struct pg_pool *pool;
    enum link_state state;
    struct pg_conn *conn;
    struct event *io;    // of the socket; NULL while DOWN
    struct event *retry; // timer
    unsigned retry_ms;
    struct pg_job *job; // BUSY, HELD
    size_t n_results;   // since the last sync point
    size_t n_expected;
    struct pg_result *value, *error;
};

struct pg_pool {
    struct event_base *base;
    struct pg_pool_options options;
    char *conninfo, *application, *settings;
    struct pg_pool_counters counters;
    TAILQ_HEAD(, pg_job) waiting;
    struct event *dispatch; // gives waiting jobs to idle links, outside of pg_pool_run()
    struct pg_link links[];
};

// pg_job.c
must_check int pg_job_set_steps(struct pg_job *job, const struct pg_step steps[],
                                size_t n_steps); // 0 or -ENOMEM
void pg_job_free(struct pg_job *job);
struct pg_job_result pg_job_result_of(enum pg_job_end end, const struct pg_result *value);
// Tells the owner, takes the job from its link or out of the queue, and frees it.
void pg_job_end_by(struct pg_job *job, const struct pg_result *value, const struct pg_result *error);
void pg_job_end_without(struct pg_job *job, enum pg_job_end end, const char *message);
