// One step of publishing: number what changed, compare PostgreSQL with Redis, close the difference. Owner:
// ingest's main loop. Invariant: nothing is remembered between steps that could be wrong; what Redis lacks is
// found by comparing revisions, so a crash between COMMIT and XADD, a flushed and a restored Redis are the
// same case. Links whose clicks have reached their cap are looked for every second: less work than
// at each load. A revision is never given twice, as far as can be known: when Redis knows a higher one,
// PostgreSQL was put back in time, and counting goes on behind it. Limits: TAKE_MAX changes per transaction,
// TAKE_ROUNDS of them and APPEND_ROUNDS batches of APPEND_MAX entries per step.

#include "ingest/publisher.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAKE_MAX      10000
#define TAKE_ROUNDS   5
#define APPEND_MAX    1000
#define APPEND_ROUNDS 25

enum publisher_action publisher_decide(const struct catalog_source *source,
                                       const struct publication *publication)
{
    if (!publication->base || strcmp(publication->epoch, source->epoch) != 0 ||
        publication->newest > source->revision)
        return PUBLISHER_REPLACE;
    if (publication->entries > PUBLISHER_LOG_ENTRIES_MAX ||
        source->revision - publication->newest > PUBLISHER_LOG_ENTRIES_MAX)
        return PUBLISHER_REBUILD;
    return publication->newest < source->revision ? PUBLISHER_APPEND : PUBLISHER_NOTHING;
}

static int of_postgres(int error)
{
    return error > 0 ? PUBLISHER_POSTGRES : error;
}

static int of_redis(int error)
{
    if (error == 0 || error == -ENOMEM)
        return error;
    return error > 0 ? PUBLISHER_REDIS_REFUSED : PUBLISHER_REDIS_LOST;
}

static int links_review(struct publisher *publisher, struct pg *pg, uint64_t now_ms)
{
    uint64_t exhausted, started_ms = clock_monotonic_ms();

    if (now_ms < publisher->review_not_before_ms)
        return 0;
    int error = of_postgres(source_review(pg, &exhausted));
    if (error)
        return error;
    uint64_t took_ms = clock_monotonic_ms() - started_ms;
    publisher->review_not_before_ms =
        now_ms + max_of((uint64_t)PUBLISHER_REVIEW_MS, PUBLISHER_REVIEW_SHARE * took_ms);
    publisher->exhausted += exhausted;
    return 0;
}

static int changes_take(struct publisher *publisher, struct pg *pg, bool *more)
{
    *more = true;
    for (unsigned round = 0; *more && round < TAKE_ROUNDS; round++) {
        uint64_t taken;
        int error = source_take(pg, TAKE_MAX, &taken);
        if (error)
            return of_postgres(error);
        publisher->changes += taken;
        *more = taken == TAKE_MAX;
    }
    return 0;
}

static int log_append(struct publisher *publisher, struct pg *pg, struct redis_client *redis, uint64_t newest,
                      bool *more)
{
    for (unsigned round = 0; round < APPEND_ROUNDS; round++) {
        struct pg_result *rows;
        int error = source_after(pg, newest, APPEND_MAX, &rows);
        if (error)
            return of_postgres(error);
        size_t n = pg_result_rows(rows);
        if (n > 0) {
            newest = (uint64_t)pg_result_int(rows, n - 1, 0);
            error = publication_append(redis, rows);
        }
        pg_result_free(rows);
        if (error)
            return of_redis(error);
        publisher->entries += n;
        if (n < APPEND_MAX)
            return 0;
    }
    *more = true;
    return 0;
}

static int image_publish(struct publisher *publisher, struct pg *pg, struct redis_client *redis,
                         const struct catalog_source *source)
{
    struct catalog_file file;
    int error = source_image(pg, source, &file);
    if (error || !file.bytes)
        return of_postgres(error);
    error = of_redis(publication_replace(redis, source, &file));
    if (error == 0) {
        publisher->images++;
        log_event(LOG_INFO, "catalog.image_published", log_uint("revision", file.revision),
                  log_uint("bytes", file.len));
        error = of_postgres(source_forget(pg, file.revision));
    }
    free(file.bytes);
    return error;
}

static int image_replace(struct publisher *publisher, struct pg *pg, struct redis_client *redis,
                         struct catalog_source *source, const struct publication *publication)
{
    if (publication->newest > source->revision) {
        log_event(LOG_WARN, "catalog.revision_jump", log_uint("postgres", source->revision),
                  log_uint("redis", publication->newest));
        int error = of_postgres(source_jump(pg, source, publication->newest));
        if (error)
            return error;
    }
    int error = of_redis(publication_clear(redis));
    return error ? error : image_publish(publisher, pg, redis, source);
}

static int difference_close(struct publisher *publisher, struct pg *pg, struct redis_client *redis,
                            uint64_t now_ms, bool *more)
{
    struct catalog_source source;
    struct publication publication;
    int error = of_postgres(source_read(pg, &source));
    if (error == 0)
        error = of_redis(publication_read(redis, &publication));
    if (error)
        return error;
    enum publisher_action action = publisher_decide(&source, &publication);
    if (action == PUBLISHER_NOTHING)
        return 0;
    if (action == PUBLISHER_APPEND)
        return log_append(publisher, pg, redis, publication.newest, more);
    if (now_ms < publisher->retry_not_before_ms || (*more && now_ms < publisher->bulk_not_before_ms))
        return 0;
    error = action == PUBLISHER_REBUILD ? image_publish(publisher, pg, redis, &source)
                                        : image_replace(publisher, pg, redis, &source, &publication);
    publisher->retry_not_before_ms = error ? now_ms + PUBLISHER_RETRY_MS : 0;
    publisher->bulk_not_before_ms = now_ms + PUBLISHER_BULK_MS;
    return error;
}

int publisher_step(struct publisher *publisher, struct pg *pg, struct redis_client *redis, uint64_t now_ms)
{
    bool held, more = false;
    int error = of_postgres(source_lock(pg, &held));
    if (error)
        return error;
    if (!held)
        return PUBLISHER_STANDBY;
    error = links_review(publisher, pg, now_ms);
    if (error == 0)
        error = changes_take(publisher, pg, &more);
    if (error == 0 && redis)
        error = difference_close(publisher, pg, redis, now_ms, &more);
    // A lost connection has lost its lock.
    int unlocked = pg_alive(pg) ? of_postgres(source_unlock(pg)) : 0;
    if (error == 0)
        error = unlocked;
    return error == 0 && more ? PUBLISHER_MORE : error;
}
