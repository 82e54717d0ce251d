// The daemon's loop. Owner of everything in the process: one Redis client, the shards (with their own
// connections to PostgreSQL), the catalog's publisher, the care of partitions, the admin server. One thing at
// a time, in this order: admin requests, connections, the stream. Limits: BLOCK_MS in one read; nothing waits
// longer than the stores' own timeouts.

#include "ingest/service.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/http_server.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/program.h"
#include "ingest/admin.h"
#include "ingest/catalog_task.h"
#include "ingest/conservation_task.h"
#include "ingest/partition_task.h"
#include "ingest/privacy.h"
#include "ingest/read_size.h"
#include "ingest/settle_task.h"
#include "ingest/shards.h"

#define BLOCK_MS           50
#define GATHER_MS          50 // behind a load that emptied the stream, so that the next one is worth a transaction
#define IDLE_MS            50
#define PRIVACY_LOOK_MS    60000
#define REDIS_PAUSE_MIN_MS 50
#define REDIS_PAUSE_MAX_MS 2000

struct service {
    const struct ingest_settings *settings;
    struct event_base *base;
    struct http_server *admin;
    struct admin_state admin_state;
    struct admin_source admin_source;
    struct redis_client *redis;
    uint64_t redis_retry_ms, redis_pause_ms;
    bool redis_complained;
    struct shards shards;
    struct read_size read_size;
    struct catalog_task catalog;
    uint64_t privacy_look_ms; // the next one
    struct settle_task settle;
    struct partition_task partitions;
    struct conservation_task conservation;
    struct counters counters;
    int stop_fd;
};

struct redis_options redis_options_of(const struct ingest_settings *settings)
{
    return (struct redis_options){
        .address = settings->redis.address,
        .user = settings->redis.user[0] ? settings->redis.user : NULL,
        .password = settings->redis.password[0] ? settings->redis.password : NULL,
    };
}

// --- Redis

static void redis_pause(struct service *service, uint64_t monotonic_ms, const char *why)
{
    metric_add(&service->counters.redis_failures, 1);
    if (!service->redis_complained)
        log_event(LOG_ERROR, "ingest.redis_away", log_str("why", why));
    service->redis_complained = true;
    service->redis_pause_ms = min_of(max_of(2 * service->redis_pause_ms, (uint64_t)REDIS_PAUSE_MIN_MS),
                                     (uint64_t)REDIS_PAUSE_MAX_MS);
    service->redis_retry_ms = monotonic_ms + service->redis_pause_ms;
}

static void redis_lose(struct service *service, uint64_t monotonic_ms)
{
    const char *why = redis_client_error(service->redis);

    redis_pause(service, monotonic_ms, why && why[0] ? why : "it answered with an error");
    service->redis = redis_client_close(service->redis);
    shards_redis_lost(&service->shards);
}

static void redis_connect(struct service *service, uint64_t monotonic_ms)
{
    struct redis_options options = redis_options_of(service->settings);
    char error[REDIS_ERROR_BYTES];

    if (service->redis || monotonic_ms < service->redis_retry_ms)
        return;
    if (redis_client_open(&service->redis, &options, error)) {
        service->redis = NULL;
        redis_pause(service, monotonic_ms, error);
    }
}

// Something was read: Redis works.
static void redis_recovered(struct service *service)
{
    if (service->redis_complained)
        log_event(LOG_INFO, "ingest.redis_back", log_uint("shards", service->shards.n));
    service->redis_complained = false;
    service->redis_pause_ms = 0;
}

// --- One turn

// Sizes the next read, and says how long to rest behind this one. Nothing came: no longer, for we have
// waited. More than was read may be there: no time.
static unsigned read_note(struct read_size *size, const struct redis_reply *streams)
{
    struct read_done done = {.streams = redis_reply_length(streams)};

    for (size_t i = 0; i < done.streams; i++) {
        const struct redis_reply *entries = redis_reply_element(redis_reply_element(streams, i), 1);
        done.full = done.full || redis_reply_length(entries) >= size->entries;
        done.entries += redis_reply_length(entries);
        done.bytes += stream_bytes(entries);
    }
    read_size_note(size, &done);
    return done.streams > 0 && !done.full ? GATHER_MS : 0;
}

// Waits for entries of the shards that can be loaded, and loads them.
static int streams_read(struct service *service, unsigned *rest_ms)
{
    static struct stream_cursor cursors[MEMBER_SHARDS_MAX];
    struct redis_reply *reply = NULL;
    size_t n = shards_cursors(&service->shards, cursors);

    *rest_ms = IDLE_MS;
    if (n == 0 || !service->redis)
        return 0;
    if (stream_read(service->redis, cursors, n, service->read_size.entries, BLOCK_MS, &reply))
        return SHARD_REDIS;
    redis_recovered(service);
    unsigned asked = service->read_size.entries;
    *rest_ms = read_note(&service->read_size, reply);
    int r = shards_load(&service->shards, service->redis, reply, asked);
    redis_reply_free(reply);
    return r;
}

static int catalog_run(struct service *service)
{
    int lost = catalog_task_run(&service->catalog, service->settings->postgres.conninfo, service->redis,
                                &service->counters, clock_monotonic_ms());
    return lost ? SHARD_REDIS : 0;
}

// Over the catalog's connection, which is between two transactions here.
static void privacy_tick(struct service *service)
{
    uint64_t now = clock_monotonic_ms();

    if (now < service->privacy_look_ms || !service->catalog.pg)
        return;
    service->privacy_look_ms = now + PRIVACY_LOOK_MS;
    if (privacy_look(service->catalog.pg, &service->counters))
        log_event(LOG_WARN, "ingest.privacy_unknown", log_str("why", pg_error(service->catalog.pg)->message));
}

static void health_update(struct service *service)
{
    bool shards = shards_healthy(&service->shards);

    service->admin_state.healthy = shards && service->redis != NULL && !service->redis_complained;
}

// Whoever loads also cares for what is loaded into.
static void partitions_run(struct service *service)
{
    if (service->counters.shards_owned > 0)
        partition_task_run(&service->partitions, service->settings->postgres.conninfo, &service->counters,
                           clock_monotonic_ms());
}

// Answers whoever asks, for so long.
static void admin_turn(struct service *service, unsigned rest_ms)
{
    struct timeval rest = {.tv_usec = (suseconds_t)rest_ms * 1000};

    if (rest_ms > 0)
        event_base_loopexit(service->base, &rest);
    event_base_loop(service->base, rest_ms > 0 ? 0 : EVLOOP_NONBLOCK);
    http_server_flush(service->admin);
}

// 0, or SHARD_VERSION_UNKNOWN.
static int service_turn(struct service *service)
{
    unsigned rest_ms = IDLE_MS;

    redis_connect(service, clock_monotonic_ms());
    settle_task_run(&service->settle, service->settings->postgres.conninfo, &service->counters,
                    clock_monotonic_ms());
    int r = shards_advance(&service->shards, service->redis);
    if (r == 0)
        r = catalog_run(service);
    privacy_tick(service);
    if (r == 0)
        r = shards_tick(&service->shards, service->redis);
    if (r == 0)
        r = streams_read(service, &rest_ms);
    if (r == SHARD_REDIS)
        redis_lose(service, clock_monotonic_ms());
    partitions_run(service);
    conservation_task_run(&service->conservation, clock_monotonic_ms());
    metric_add(&service->counters.turns, 1);
    health_update(service);
    admin_turn(service, rest_ms);
    return r == SHARD_VERSION_UNKNOWN ? r : 0;
}

// --- Start and end

static int service_open(struct service *service)
{
    const struct ingest_settings *settings = service->settings;

    service->stop_fd = program_stop_fd();
    if (service->stop_fd < 0)
        return service->stop_fd;
    service->base = event_base_new();
    if (!service->base || shards_init(&service->shards, settings, &service->counters))
        return -ENOMEM;
    read_size_init(&service->read_size, (unsigned)settings->read_entries, (size_t)settings->read_bytes);
    service->catalog.session = service->shards.member.catalog;
    service->partitions.look_ms = (uint64_t)settings->partition_look_ms;
    int r = conservation_task_init(&service->conservation, service->base, settings->postgres.conninfo,
                                   service->shards.member.conservation,
                                   (uint64_t)settings->conservation_check_ms, &service->counters);
    if (r)
        return r;
    service->admin_state.counters = &service->counters;
    service->admin_source = admin_source_of(&service->admin_state);
    service->admin = admin_new(service->base, &service->admin_source);
    if (!service->admin)
        return -errno;
    if (settings->admin_port == 0)
        return 0;
    return http_server_listen(service->admin, settings->admin_host, (uint16_t)settings->admin_port, false);
}

static void service_close(struct service *service)
{
    shards_deinit(&service->shards);
    catalog_task_deinit(&service->catalog);
    settle_task_deinit(&service->settle);
    partition_task_deinit(&service->partitions);
    conservation_task_deinit(&service->conservation);
    redis_client_close(service->redis);
    http_server_free(service->admin);
    if (service->base)
        event_base_free(service->base);
}

int service_run(const struct ingest_settings *settings)
{
    struct service service = {.settings = settings};
    int r = service_open(&service), status = 0;

    if (r) {
        log_event(LOG_ERROR, "ingest.cannot_start", log_errno(r));
        status = 1;
    } else {
        program_ready();
    }
    while (status == 0 && !program_stop_requested(service.stop_fd)) {
        if (service_turn(&service) == SHARD_VERSION_UNKNOWN) {
            log_event(LOG_ERROR, "ingest.frame_version_unknown",
                      log_str("do", "a tracker is newer than this program: upgrade ingest; nothing is lost"));
            status = SERVICE_VERSION_UNKNOWN;
        }
    }
    service_close(&service);
    return status;
}
