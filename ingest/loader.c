// The loading transaction: a piece, or for a large load many of them, then move the producers, COMMIT. Owner:
// one per shard. Invariant: for every producer hits = stored + dead + lost, moved together.
// Limits: load_limits, PRODUCERS_PER_LOAD_MAX producers.

#include "ingest/loader.h"

#include <stdlib.h>

#include "base/log.h"
#include "ingest/piece.h"

#define DAYS_ROUNDS_MAX 8
#define NO_PART_MS      1000  // behind a large load that found no room,
#define FAILED_MS       60000 // or failed: until the next one, so that those which always do cost little

struct loader {
    struct load_limits limits;
    struct load load;
    bool open;               // a transaction is under way between two calls, or in one
    size_t hits;             // of its frames
    uint64_t small_until_ms; // no load is large before
};

struct loader *loader_new(const struct load_limits *limits)
{
    struct loader *loader = calloc(1, sizeof(*loader));
    if (loader)
        loader->limits = *limits;
    return loader;
}

struct loader *loader_free(struct loader *loader)
{
    if (loader) {
        load_deinit(&loader->load);
        free(loader);
    }
    return NULL;
}

const struct loaded_producer *loader_producers(const struct loader *loader, size_t *n)
{
    *n = loader->load.producers.n;
    return loader->load.producers.all;
}

int loader_prepare_days(struct loader *loader, struct pg *pg, uint64_t now_ms)
{
    return days_prepare(&loader->load.days, pg, now_ms / COPY_DAY_MS);
}

// --- Transaction

static int transaction_begin(struct loader *loader)
{
    days_begin(&loader->load.days);
    load_producers_unlock(&loader->load.producers);
    loader->load.part = (struct part){0};
    loader->hits = 0;
    loader->load.counts = (struct counters){.loads = 1};
    int r = pg_exec(loader->load.pg, "begin");
    loader->open = r == 0;
    if (r == 0 && loader->load.large)
        r = part_begin(loader->load.pg, &loader->load.large);
    return r;
}

static int transaction_end(struct loader *loader)
{
    // Behind the rows: from here to the commit, loads of other shards into the same day (with a part) or the
    // same late days wait.
    int r = loader->load.part.number > 0 ? part_attach(&loader->load.part, loader->load.pg) : 0;

    if (r == 0)
        r = days_tell_late(&loader->load.days, loader->load.pg, loader->load.today);
    if (r == 0)
        r = load_producers_save(&loader->load.producers, loader->load.pg);
    if (r == 0)
        r = pg_exec(loader->load.pg, "commit");
    if (r == 0)
        loader->open = false;
    return r;
}

// What the transaction failed for, or that its connection is lost.
static int transaction_undo(struct loader *loader, int r)
{
    loader->open = false;
    if (r != PG_LOST && pg_in_transaction(loader->load.pg)) {
        struct pg_error why = *pg_error(loader->load.pg);
        if (r < PG_TIMEOUT && r > 0)
            log_event(LOG_WARN, "ingest.load_failed", log_uint("shard", loader->load.shard),
                      log_str("sqlstate", why.sqlstate), log_str("error", why.message));
        int back = pg_exec(loader->load.pg, "rollback");
        r = back == PG_LOST ? back : r;
    }
    return r;
}

// --- Loads

// How many deliveries make the next piece; notes their producers.
static size_t piece_take(struct loader *loader, const struct delivery deliveries[], size_t n)
{
    size_t hits = 0, bytes = 0, take = 0;

    if (!loader->open)
        loader->load.producers.n = 0;
    for (; take < n; take++) {
        const struct delivery *d = &deliveries[take];
        hits += delivery_count(d);
        bytes += d->hits_bytes;
        if (take > 0 && (hits > loader->limits.hits_max || bytes > loader->limits.bytes_max))
            break;
        if (d->condition == 0 && !load_producers_note(&loader->load.producers, d->header.producer))
            break;
    }
    return take;
}

// Whether more comes into the load, of so many hits behind it. What would not make a large one joins it.
static bool load_goes_on(const struct loader *loader, uint64_t behind)
{
    size_t large = loader->limits.large_hits;

    return loader->load.large && behind > 0 &&
           (loader->hits < large || (behind < large / 2 && loader->hits < 2 * large));
}

// A piece, and behind the last one of the load its end. LOAD_OPEN: it goes on.
static int piece_run(struct loader *loader, const struct delivery deliveries[], size_t n, uint64_t behind)
{
    int r = loader->open ? 0 : transaction_begin(loader);

    if (r == 0)
        r = piece_load(&loader->load, deliveries, n);
    loader->hits += deliveries_count(deliveries, n);
    if (r == 0 && load_goes_on(loader, behind))
        return LOAD_OPEN;
    if (r == 0)
        r = transaction_end(loader);
    return r ? transaction_undo(loader, r) : 0;
}

// The first piece of a load.
static int load_begin(struct loader *loader, const struct delivery deliveries[], size_t n, uint64_t behind)
{
    int r = PIECE_DAYS;

    for (int round = 0; r == PIECE_DAYS && round < DAYS_ROUNDS_MAX; round++) {
        r = piece_run(loader, deliveries, n, behind);
        if (r == PIECE_DAYS) {
            int made = days_make_missing(&loader->load.days, loader->load.pg);
            r = made ? made : r;
        }
    }
    return r;
}

static bool load_can_be_divided(const struct loader *loader, int r)
{
    return loader->load.large && r && r != LOAD_OPEN && r != PG_LOST && r != LOAD_MOVED;
}

// No load is large for a while, and the days are there that were missing. 0 or a condition.
static int load_divide(struct loader *loader, int r, uint64_t now_ms)
{
    bool failed = r != PART_NONE && r != PIECE_DAYS;

    log_event(LOG_INFO, "ingest.large_load_divided", log_uint("shard", loader->load.shard),
              log_str("why", failed ? "it failed" : "not all of its clicks have room in one part"));
    loader->small_until_ms = now_ms + (failed ? FAILED_MS : NO_PART_MS);
    loader->load.large = false;
    return r == PIECE_DAYS ? days_make_missing(&loader->load.days, loader->load.pg) : 0;
}

static int load_count(struct loader *loader, int r, struct counters *counters)
{
    loader->load.counts.loads_large = loader->load.part.number > 0;
    if (r == 0)
        counters_add(counters, &loader->load.counts);
    return r;
}

static void load_prepare(struct loader *loader, struct pg *pg, unsigned shard, uint64_t now_ms,
                         uint64_t waiting)
{
    loader->load.pg = pg;
    loader->load.shard = shard;
    loader->load.today = now_ms / COPY_DAY_MS;
    loader->load.large = loader->limits.large_hits > 0 && waiting >= loader->limits.large_hits / 2 &&
                         now_ms >= loader->small_until_ms;
}

int loader_load(struct loader *loader, struct pg *pg, unsigned shard, uint64_t now_ms,
                const struct load_input *input, size_t *done, struct counters *counters)
{
    bool first = !loader->open;

    if (first)
        load_prepare(loader, pg, shard, now_ms, input->waiting_hits);
    *done = piece_take(loader, input->deliveries, input->n);
    if (*done == 0) // no room for its producer beside those of the open load
        return loader_close(loader, now_ms, counters);
    uint64_t behind = input->waiting_hits - deliveries_count(input->deliveries, *done);
    int r = first ? load_begin(loader, input->deliveries, *done, behind)
                  : piece_run(loader, input->deliveries, *done, behind);
    if (load_can_be_divided(loader, r)) {
        int divided = load_divide(loader, r, now_ms);
        r = divided ? divided : first ? load_begin(loader, input->deliveries, *done, 0) : PG_RETRY;
    }
    return load_count(loader, r, counters);
}

bool loader_is_open(const struct loader *loader)
{
    return loader && loader->open;
}

int loader_close(struct loader *loader, uint64_t now_ms, struct counters *counters)
{
    int r = transaction_end(loader);

    if (r)
        r = transaction_undo(loader, r);
    if (load_can_be_divided(loader, r)) {
        int divided = load_divide(loader, r, now_ms);
        r = divided ? divided : PG_RETRY;
    }
    return load_count(loader, r, counters);
}

void loader_abandon(struct loader *loader)
{
    if (loader_is_open(loader))
        transaction_undo(loader, LOAD_OPEN);
}
