// Jobs of the pool: their steps, and what their owners are told. See pg_pool.c.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "base/pg_pool_internal.h"

void pg_job_free(struct pg_job *job)
{
    event_free(job->timer);
    free(job->bytes);
    free(job);
}

static void job_end(struct pg_job *job, const struct pg_job_result *result)
{
    struct pg_pool *pool = job->pool;
    uint64_t *const ends[] = {[PG_JOB_DONE] = &pool->counters.done,
                              [PG_JOB_REFUSED] = &pool->counters.refused,
                              [PG_JOB_LOST] = &pool->counters.lost,
                              [PG_JOB_UNSENT] = &pool->counters.unsent};
    ++*ends[result->end];
    if (job->link) {
        job->link->job = NULL;
        pool->counters.busy--;
    } else {
        TAILQ_REMOVE(&pool->waiting, job, waiting);
        pool->counters.waiting--;
    }
    if (job->done)
        job->done(job->ctx, result);
    pg_job_free(job);
}

static struct slice cell(const PGresult *rows, int column)
{
    if (!rows || PQntuples(rows) == 0 || PQnfields(rows) <= column || PQgetisnull(rows, 0, column))
        return SLICE_NONE;
    return (struct slice){PQgetvalue(rows, 0, column), (size_t)PQgetlength(rows, 0, column)};
}

struct pg_job_result pg_job_result_of(enum pg_job_end end, const PGresult *value)
{
    return (struct pg_job_result){.end = end,
                                  .value = cell(value, 0),
                                  .second = cell(value, 1),
                                  .sqlstate = "",
                                  .message = "",
                                  .hint = "",
                                  .detail = ""};
}

void pg_job_end_without(struct pg_job *job, enum pg_job_end end, const char *message)
{
    struct pg_job_result result = pg_job_result_of(end, NULL);
    result.message = message;
    job_end(job, &result);
}

static const char *error_field(const PGresult *error, int field)
{
    const char *text = PQresultErrorField(error, field);
    return text ? text : "";
}

void pg_job_end_by(struct pg_job *job, const PGresult *value, const PGresult *error)
{
    struct pg_job_result result = pg_job_result_of(PG_JOB_DONE, error ? NULL : value);
    if (error) {
        result.end = PG_JOB_REFUSED;
        result.sqlstate = error_field(error, PG_DIAG_SQLSTATE);
        result.message = error_field(error, PG_DIAG_MESSAGE_PRIMARY);
        result.hint = error_field(error, PG_DIAG_MESSAGE_HINT);
        result.detail = error_field(error, PG_DIAG_MESSAGE_DETAIL);
    }
    job_end(job, &result);
}

static size_t step_bytes(const struct pg_step *step)
{
    size_t bytes = 0;
    for (size_t i = 0; i < step->n_params; i++)
        bytes += step->params[i].len + 1;
    return bytes;
}

// The copy's parameters are at `at`; the end of them.
static char *step_copy(struct pg_step *copy, const struct pg_step *step, char *at)
{
    *copy = *step;
    for (size_t i = 0; i < step->n_params; i++) {
        struct slice *param = &copy->params[i];
        if (!param->data)
            continue;
        assert(!memchr(param->data, 0, param->len));
        memcpy(at, param->data, param->len);
        param->data = at;
        at += param->len;
        *at++ = '\0';
    }
    return at;
}

int pg_job_set_steps(struct pg_job *job, const struct pg_step steps[], size_t n_steps)
{
    size_t bytes = 1; // never none
    assert(n_steps >= 1 && n_steps <= PG_JOB_STEPS_MAX);
    for (size_t i = 0; i < n_steps; i++) {
        assert(steps[i].n_params <= PG_JOB_PARAMS_MAX);
        bytes += step_bytes(&steps[i]);
    }
    char *room = malloc(bytes), *at = room;
    if (!room)
        return -ENOMEM;
    for (size_t i = 0; i < n_steps; i++)
        at = step_copy(&job->steps[i], &steps[i], at);
    free(job->bytes);
    job->bytes = room;
    job->n_steps = n_steps;
    return 0;
}
