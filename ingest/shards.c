// The shards of this process. Owner: the main loop. Twice a second the member says what there is, duty.c
// which of it is ours; the rest is let go. A retired shard that no producer needs any more is looked after
// again when something stands in its stream. Limits: MEMBER_SHARDS_MAX shards, one connection for each of
// ours.

#include "ingest/shards.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"

#define TICK_MS 1000

int shards_init(struct shards *shards, const struct ingest_settings *settings, struct counters *counters)
{
    *shards = (struct shards){
        .member_options = {settings->postgres.conninfo, settings->shards, settings->keep_open_ms,
                           settings->keep_ended_ms},
        .counters = counters,
        .all = calloc(MEMBER_SHARDS_MAX, sizeof(*shards->all)),
    };
    member_init(&shards->member, &shards->member_options, counters);
    shards->options = (struct shard_options){
        .conninfo = settings->postgres.conninfo,
        .session = shards->member.session,
        .limits = {(size_t)settings->load_hits, (size_t)settings->load_bytes, (size_t)settings->large_hits},
        .keep_ended_ms = (uint64_t)settings->keep_ended_ms,
        .keep_open_ms = (uint64_t)settings->keep_open_ms,
    };
    return shards->all ? 0 : -ENOMEM;
}

void shards_deinit(struct shards *shards)
{
    for (unsigned i = 0; i < shards->n; i++)
        shard_deinit(&shards->all[i]);
    free(shards->all);
    member_deinit(&shards->member);
}

// --- Whose is what

static void shards_know(struct shards *shards, unsigned n)
{
    for (; shards->n < n; shards->n++)
        shard_init(&shards->all[shards->n], shards->n, &shards->options, shards->counters);
}

static struct duty_entry *entry_find(struct member *member, unsigned shard)
{
    for (size_t i = 0; i < member->n; i++) {
        if (member->entries[i].shard == shard)
            return &member->entries[i];
    }
    return NULL;
}

// Retired shards that nobody wants, unless something stands in their streams.
static int retired_look(struct member *member, struct redis_client *redis)
{
    static struct stream_cursor cursors[MEMBER_SHARDS_MAX];
    struct redis_reply *reply = NULL;
    size_t n = 0;

    for (size_t i = 0; i < member->n; i++) {
        const struct duty_entry *entry = &member->entries[i];
        if (!entry->wanted && (entry->ours || !entry->owned))
            cursors[n++] = (struct stream_cursor){entry->shard, "0-0"};
    }
    if (n == 0 || !redis)
        return 0;
    if (stream_read(redis, cursors, n, 1, 0, &reply))
        return SHARD_REDIS;
    for (size_t i = 0; i < redis_reply_length(reply); i++) {
        unsigned shard;
        struct slice key = redis_reply_text(redis_reply_element(redis_reply_element(reply, i), 0));
        struct duty_entry *entry = stream_key_parse(key, &shard) ? entry_find(member, shard) : NULL;
        if (entry)
            entry->wanted = true;
    }
    redis_reply_free(reply);
    return 0;
}

static int shards_divide(struct shards *shards, struct redis_client *redis)
{
    struct member *member = &shards->member;

    for (size_t i = 0; i < member->n; i++) {
        struct duty_entry *entry = &member->entries[i];
        shards_know(shards, entry->shard + 1);
        entry->ours = shard_is_ours(&shards->all[entry->shard]);
    }
    int r = retired_look(member, redis);
    if (r)
        return r;
    duty_assign(member->entries, member->n, member->members, member->place);
    for (size_t i = 0; i < member->n; i++)
        shard_assign(&shards->all[member->entries[i].shard], member->entries[i].assigned);
    return 0;
}

int shards_advance(struct shards *shards, struct redis_client *redis)
{
    int r = member_look(&shards->member, clock_monotonic_ms()) ? shards_divide(shards, redis) : 0;

    for (unsigned i = 0; r == 0 && i < shards->n; i++)
        r = shard_advance(&shards->all[i], redis, clock_wall_ms(), clock_monotonic_ms());
    return r;
}

// --- Streams

int shards_tick(struct shards *shards, struct redis_client *redis)
{
    uint64_t now = clock_monotonic_ms();
    int r = 0;

    if (now < shards->tick_ms)
        return 0;
    shards->tick_ms = now + TICK_MS;
    metric_set(&shards->counters->waiting_entries, 0);
    metric_set(&shards->counters->waiting_ms, 0);
    for (unsigned i = 0; r == 0 && i < shards->n; i++)
        r = shard_tick(&shards->all[i], redis, clock_wall_ms(), clock_monotonic_ms());
    return r;
}

size_t shards_cursors(const struct shards *shards, struct stream_cursor cursors[MEMBER_SHARDS_MAX])
{
    uint64_t now = clock_monotonic_ms();
    size_t n = 0;

    for (unsigned i = 0; i < shards->n; i++) {
        if (shard_reads(&shards->all[i], now))
            cursors[n++] = (struct stream_cursor){i, shards->all[i].cursor};
    }
    return n;
}

int shards_load(struct shards *shards, struct redis_client *redis, const struct redis_reply *streams,
                unsigned asked)
{
    static bool came[MEMBER_SHARDS_MAX];
    int r = 0;

    memset(came, 0, sizeof(came));
    for (size_t i = 0; r == 0 && i < redis_reply_length(streams); i++) {
        const struct redis_reply *stream = redis_reply_element(streams, i);
        unsigned shard;
        if (!stream_key_parse(redis_reply_text(redis_reply_element(stream, 0)), &shard) || shard >= shards->n)
            continue;
        came[shard] = true;
        r = shard_load(&shards->all[shard], redis, redis_reply_element(stream, 1), asked, clock_wall_ms(),
                       clock_monotonic_ms());
    }
    for (unsigned i = 0; r == 0 && i < shards->n; i++) {
        if (!came[i])
            r = shard_loaded(&shards->all[i], redis, clock_wall_ms(), clock_monotonic_ms());
    }
    return r;
}

void shards_redis_lost(struct shards *shards)
{
    for (unsigned i = 0; i < shards->n; i++)
        shard_redis_lost(&shards->all[i]);
}

// --- What is told

static void division_tell(const struct member *member, struct counters *counters)
{
    uint64_t wanted = 0, unowned = 0, retired = 0;

    for (size_t i = 0; i < member->n; i++) {
        const struct duty_entry *entry = &member->entries[i];
        wanted += entry->wanted;
        unowned += entry->wanted && !entry->owned;
        retired += entry->wanted && entry->retired;
    }
    metric_set(&counters->shards, wanted);
    metric_set(&counters->shards_unowned, unowned);
    metric_set(&counters->shards_retired, retired);
    metric_set(&counters->members, member->members);
}

bool shards_healthy(struct shards *shards)
{
    bool healthy = member_joined(&shards->member);
    uint64_t owned = 0, producers = 0;

    for (unsigned i = 0; i < shards->n; i++) {
        const struct shard *shard = &shards->all[i];
        healthy = healthy && (!shard->assigned || shard->state != SHARD_APART);
        owned += shard->state == SHARD_WORKING;
        producers += shard->state == SHARD_WORKING ? shard->positions.n : 0;
    }
    division_tell(&shards->member, shards->counters);
    metric_set(&shards->counters->shards_owned, owned);
    metric_set(&shards->counters->producers, producers);
    return healthy;
}
