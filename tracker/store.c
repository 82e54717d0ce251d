// Watches the Redis that frames go to. Owners: recorder, drain. At each connect it asks INFO and CONFIG GET
// appendfsync, says plainly what they promise, and refuses to write to a Redis that would evict hits; whether
// it would is asked again every few seconds. A Redis that does not answer INFO (LOADING, NOAUTH) is given up
// and tried again.

#include "tracker/store.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

static void check_finish(struct store *store, struct slice fsync_mode)
{
    log_event(store->persistent ? LOG_INFO : LOG_WARN, "redis.checked",
              log_bool("appendonly", store->persistent), log_slice("appendfsync", fsync_mode),
              log_str("promise", store->persistent
                                     ? "survives a restart as far as appendfsync goes"
                                     : "loses its hits when it ends; the journal sends them again"));
}

static void on_fsync_mode(void *ctx, const struct redis_reply *reply)
{
    struct slice mode = redis_reply_text(redis_reply_value(reply, "appendfsync"));

    if (reply)
        check_finish(ctx, mode.data ? mode : SLICE("unknown"));
}

static bool evicts(struct slice info)
{
    struct slice policy = redis_info_field(info, "maxmemory_policy");
    return policy.len >= 8 && memcmp(policy.data, "allkeys-", 8) == 0;
}

// Of one that was fit. What is under way is settled by the loss; the next check finds out.
static void on_info_again(void *ctx, const struct redis_reply *reply)
{
    struct store *store = ctx;
    if (store->state == STORE_READY && evicts(redis_reply_text(reply)))
        redis_link_reset(store->link, "evicts");
}

static void on_info(void *ctx, const struct redis_reply *reply)
{
    struct store *store = ctx;
    struct slice info = redis_reply_text(reply);
    struct slice run_id = redis_info_field(info, "run_id");

    if (!reply)
        return;
    if (redis_reply_condition(reply) || run_id.len == 0 || run_id.len >= STORE_RUN_ID_BYTES) {
        redis_link_reset(store->link, redis_condition_name(redis_reply_condition(reply)));
        return;
    }
    bool same = slice_equal(run_id, slice_of(store->run_id));
    memcpy(store->run_id, run_id.data, run_id.len);
    store->run_id[run_id.len] = '\0';
    store->persistent = slice_equal(redis_info_field(info, "aof_enabled"), SLICE("1"));
    if (evicts(info)) {
        store->state = STORE_EVICTS;
        log_event(LOG_ERROR, "redis.evicts",
                  log_slice("maxmemory_policy", redis_info_field(info, "maxmemory_policy")),
                  log_str("consequence", "hits stay in the journal; nothing is sent to this Redis"));
        return;
    }
    store->state = STORE_READY;
    store->events->ready(store->ctx, same);
}

static void on_up(void *ctx)
{
    struct store *store = ctx;
    const struct slice info[] = {SLICE("INFO")};
    const struct slice config[] = {SLICE("CONFIG"), SLICE("GET"), SLICE("appendfsync")};

    store->connects++;
    store->state = STORE_CHECKING;
    if (redis_link_send(store->link, info, array_length(info), on_info, store) ||
        redis_link_send(store->link, config, array_length(config), on_fsync_mode, store))
        redis_link_reset(store->link, "check not sent");
}

void store_answered(struct store *store, int condition)
{
    if (condition == REDIS_READONLY || condition == REDIS_MOVED || condition == REDIS_NOAUTH)
        redis_link_reset(store->link, redis_condition_name(condition));
}

void store_recheck(struct store *store)
{
    const struct slice info[] = {SLICE("INFO")};

    if (store->state != STORE_READY && store->state != STORE_EVICTS)
        return;
    redis_handler *answered = store->state == STORE_READY ? on_info_again : on_info;
    if (redis_link_send(store->link, info, array_length(info), answered, store))
        redis_link_reset(store->link, "check not sent");
}

static void on_down(void *ctx, const char *reason)
{
    struct store *store = ctx;
    bool was_ready = store->state == STORE_READY;

    (void)reason; // the link has logged it
    store->losses++;
    store->state = STORE_DOWN;
    if (was_ready)
        store->events->down(store->ctx);
}

static const struct redis_link_events link_events = {on_up, on_down};

int store_init(struct store *store, struct event_base *base, const struct redis_options *options,
               const struct store_events *events, void *ctx)
{
    *store = (struct store){.state = STORE_DOWN, .events = events, .ctx = ctx};
    store->link = redis_link_new(base, options, &link_events, store);
    return store->link ? 0 : -errno;
}

void store_deinit(struct store *store)
{
    store->link = redis_link_free(store->link);
    store->state = STORE_DOWN;
}
