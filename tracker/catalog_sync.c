// Follows the catalog in Redis. Owner: the supervisor. Every POLL_MS it asks for the changes behind its
// revision and, in the same pipeline, for the head of the newest image. In this order: the publisher names an
// image before it trims the changes in it, so changes that are missing from the first answer show in the
// second, and then the image is fetched. The image is fetched as well when its epoch is another: then Redis
// holds the catalog of another installation, or PostgreSQL was put back to an earlier moment. Limits:
// CHANGES_MAX a poll, one image chunk in flight. After a failure it rests for REST_POLLS: an image that a
// newer release made, or a full disk, would else cost a whole image every poll.

#include "tracker/catalog_sync.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tracker/catalog_file.h"
#include "tracker/catalog_store.h"

#define POLL_MS        100
#define REST_POLLS     50
#define CHANGES_MAX    256
#define LOG_BYTES_LONG (2u << 20) // the publisher makes an image every 25,000 changes
#define BASE_KEY       "cl:catalog:base"
#define LOG_KEY        "cl:catalog:log"
#define KEY_BYTES      64

enum sync_state {
    SYNC_IDLE,     // until the next poll
    SYNC_ASKING,   // changes and head were asked for
    SYNC_FETCHING, // an image
};

struct image_head {
    uint64_t revision, chunks;
    char epoch[CATALOG_EPOCH_MAX];
};

struct catalog_sync {
    struct catalog_store store;
    struct redis_link *link;
    struct event *timer;
    enum sync_state state;
    uint8_t *entries; // the changes of the last answer
    size_t entries_bytes;
    uint64_t entries_revision;
    bool more; // the answer was full
    struct image_head head;
    uint64_t chunk; // the next one
    uint64_t heard_ms;
    unsigned rest; // polls to leave out
};

static void ask(struct catalog_sync *sync);

static bool number_parse(struct slice text, uint64_t *out)
{
    char copy[24], *end;
    if (text.len == 0 || text.len >= sizeof(copy) || text.data[0] < '0' || text.data[0] > '9')
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *out = strtoull(copy, &end, 10);
    return errno == 0 && (*end == '\0' || *end == '-'); // the id of an entry is <revision>-0
}

static void failed(struct catalog_sync *sync, const char *event, int error)
{
    log_event(LOG_ERROR, event,
              error < 0 ? log_errno(error) : log_str("error", "damaged, or of another version"),
              log_uint("revision", sync->store.revision));
    sync->state = SYNC_IDLE;
    sync->rest = REST_POLLS;
}

// --- An image, chunk by chunk ---

static void image_finish(struct catalog_sync *sync)
{
    int error = catalog_store_image_finish(&sync->store, slice_of(sync->head.epoch));
    if (error) {
        failed(sync, "catalog.image_not_kept", error);
        return;
    }
    log_event(LOG_INFO, "catalog.image_taken", log_uint("revision", sync->store.revision),
              log_str("epoch", sync->store.epoch));
    sync->state = SYNC_IDLE;
    ask(sync); // the changes since the image, at once
}

static void chunk_ask(struct catalog_sync *sync);

static void on_chunk(void *ctx, const struct redis_reply *reply)
{
    struct catalog_sync *sync = ctx;
    if (redis_reply_type(reply) != REDIS_TYPE_TEXT) {
        sync->state = SYNC_IDLE; // replaced meanwhile, or Redis has gone: the next poll begins anew
        return;
    }
    int error = catalog_store_image_piece(&sync->store, redis_reply_text(reply));
    if (error < 0)
        failed(sync, "catalog.image_not_kept", error);
    else if (++sync->chunk < sync->head.chunks)
        chunk_ask(sync);
    else
        image_finish(sync);
}

static void chunk_ask(struct catalog_sync *sync)
{
    char key[KEY_BYTES];
    snprintf(key, sizeof(key), BASE_KEY ":%" PRIu64 ":%" PRIu64, sync->head.revision, sync->chunk);
    const struct slice args[] = {SLICE("GET"), slice_of(key)};
    if (redis_link_send(sync->link, args, array_length(args), on_chunk, sync) < 0)
        sync->state = SYNC_IDLE;
}

static void image_fetch(struct catalog_sync *sync)
{
    int error = catalog_store_image_begin(&sync->store);
    if (error < 0) {
        failed(sync, "catalog.image_not_kept", error);
        return;
    }
    sync->state = SYNC_FETCHING;
    sync->chunk = 0;
    chunk_ask(sync);
}

// --- Changes ---

static void entry_add(struct catalog_sync *sync, const struct redis_reply *entry)
{
    struct catalog_record record;
    uint64_t revision;
    struct slice bytes = redis_reply_text(redis_reply_value(redis_reply_element(entry, 1), "r"));
    if (!number_parse(redis_reply_text(redis_reply_element(entry, 0)), &revision) ||
        bytes.len > CATALOG_RECORD_MAX || catalog_record_decode(bytes, &record) ||
        catalog_record_check(&record)) {
        log_event(LOG_ERROR, "catalog.change_refused",
                  log_slice("id", redis_reply_text(redis_reply_element(entry, 0))));
        return;
    }
    sync->entries_bytes += catalog_entry_encode(sync->entries + sync->entries_bytes, revision, bytes);
    sync->entries_revision = revision;
}

static void on_changes(void *ctx, const struct redis_reply *reply)
{
    struct catalog_sync *sync = ctx;
    size_t n = redis_reply_length(reply);
    sync->entries_bytes = 0;
    sync->more = n >= CHANGES_MAX;
    for (size_t i = 0; i < n; i++)
        entry_add(sync, redis_reply_element(reply, i));
}

static bool head_read(struct image_head *head, const struct redis_reply *reply)
{
    struct slice epoch = redis_reply_text(redis_reply_element(reply, 2));
    if (redis_reply_length(reply) != 3 || epoch.len == 0 || epoch.len >= sizeof(head->epoch))
        return false;
    memcpy(head->epoch, epoch.data, epoch.len);
    head->epoch[epoch.len] = '\0';
    return number_parse(redis_reply_text(redis_reply_element(reply, 0)), &head->revision) &&
           number_parse(redis_reply_text(redis_reply_element(reply, 1)), &head->chunks) && head->chunks > 0;
}

// Also one without news, when it makes a long log short.
static bool image_is_due(const struct catalog_sync *sync)
{
    const struct catalog_store *store = &sync->store;
    return strcmp(sync->head.epoch, store->epoch) != 0 || sync->head.revision > store->revision ||
           (store->log_bytes > LOG_BYTES_LONG && sync->head.revision > store->image_revision);
}

static void on_head(void *ctx, const struct redis_reply *reply)
{
    struct catalog_sync *sync = ctx;
    sync->state = SYNC_IDLE;
    if (!head_read(&sync->head, reply))
        return; // nothing was published yet, or Redis was emptied: the publisher will notice
    sync->heard_ms = clock_monotonic_ms();
    if (image_is_due(sync)) {
        image_fetch(sync);
        return;
    }
    if (sync->entries_bytes == 0)
        return;
    struct slice entries = {(const char *)sync->entries, sync->entries_bytes};
    int error = catalog_store_append(&sync->store, entries, sync->entries_revision);
    if (error < 0)
        failed(sync, "catalog.changes_not_kept", error);
    else if (sync->more)
        ask(sync);
}

static void ask(struct catalog_sync *sync)
{
    char from[KEY_BYTES], most[KEY_BYTES];
    snprintf(from, sizeof(from), "%" PRIu64 "-0", sync->store.revision + 1);
    snprintf(most, sizeof(most), "%d", CHANGES_MAX);
    const struct slice changes[] = {SLICE("XRANGE"), SLICE(LOG_KEY), slice_of(from),
                                    SLICE("+"),      SLICE("COUNT"), slice_of(most)};
    const struct slice head[] = {SLICE("HMGET"), SLICE(BASE_KEY), SLICE("revision"), SLICE("chunks"),
                                 SLICE("epoch")};
    if (redis_link_send(sync->link, changes, array_length(changes), on_changes, sync) < 0)
        return;
    if (redis_link_send(sync->link, head, array_length(head), on_head, sync) == 0)
        sync->state = SYNC_ASKING;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct catalog_sync *sync = ctx;
    (void)fd;
    (void)what;
    if (sync->rest > 0)
        sync->rest--;
    else if (sync->state == SYNC_IDLE && redis_link_is_up(sync->link))
        ask(sync);
}

static void on_up(void *ctx)
{
    struct catalog_sync *sync = ctx;
    log_event(LOG_INFO, "catalog.redis_up", log_uint("revision", sync->store.revision));
}

static void on_down(void *ctx, const char *reason)
{
    struct catalog_sync *sync = ctx;
    sync->state = SYNC_IDLE;
    log_event(LOG_WARN, "catalog.redis_down", log_str("reason", reason),
              log_uint("revision", sync->store.revision));
}

static int sync_start(struct catalog_sync *sync, struct event_base *base, const struct redis_options *options)
{
    static const struct redis_link_events events = {.up = on_up, .down = on_down};
    static const struct timeval poll = {.tv_usec = POLL_MS * 1000};
    sync->entries = malloc((size_t)CHANGES_MAX * CATALOG_ENTRY_BYTES_MAX);
    sync->timer = event_new(base, -1, EV_PERSIST, on_timer, sync);
    if (!sync->entries || !sync->timer || event_add(sync->timer, &poll) < 0)
        return -ENOMEM;
    sync->link = redis_link_new(base, options, &events, sync);
    return sync->link ? 0 : -errno;
}

int catalog_sync_new(struct catalog_sync **out, struct event_base *base, const char *dir,
                     const struct redis_options *options, struct catalog_shared *shared)
{
    struct catalog_sync *sync = calloc(1, sizeof(*sync));
    if (!sync)
        return -ENOMEM;
    int error = catalog_store_init(&sync->store, dir, shared);
    if (error < 0) {
        free(sync);
        return error;
    }
    error = sync_start(sync, base, options);
    if (error < 0) {
        catalog_sync_free(sync);
        return error;
    }
    *out = sync;
    return 0;
}

struct catalog_sync *catalog_sync_free(struct catalog_sync *sync)
{
    if (!sync)
        return NULL;
    redis_link_free(sync->link);
    if (sync->timer)
        event_free(sync->timer);
    free(sync->entries);
    catalog_store_deinit(&sync->store);
    free(sync);
    return NULL;
}

uint64_t catalog_sync_heard_ms(const struct catalog_sync *sync)
{
    return sync->heard_ms;
}
