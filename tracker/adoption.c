// All journals without an owner. Owner: one worker's recorder, or drain. The lock of a folder is held as long
// as it is here, so that nobody else sends it. At most ADOPTED_ACTIVE_MAX are sent at a time, the others
// wait; one HMGET per shard asks for all their positions. The list changes only while no such question is
// open. Ended folders are removed journal_keep_ms after they ended; the oldest sooner when they hold more
// than journal_keep_bytes together. Limits: ADOPTED_MAX folders, POLL_MAX positions per HMGET.

#include "tracker/adoption.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tracker/adopted.h"

#define POLL_MAX 256

struct adoption {
    int root_fd;
    struct store *store;
    const struct recorder_options *options;
    struct recorder_counters *counters;
    struct adopted *first;
    unsigned count;
    unsigned polls; // HMGETs without a reply
};

struct adoption *adoption_new(int root_fd, struct store *store, const struct recorder_options *options,
                              struct recorder_counters *counters)
{
    struct adoption *adoption = calloc(1, sizeof(*adoption));
    if (adoption)
        *adoption =
            (struct adoption){.root_fd = root_fd, .store = store, .options = options, .counters = counters};
    return adoption;
}

static void remove_at(struct adoption *adoption, struct adopted **link)
{
    struct adopted *a = *link;
    *link = a->next;
    adoption->count--;
    adopted_deinit(a);
    free(a);
}

struct adoption *adoption_free(struct adoption *adoption)
{
    if (!adoption)
        return NULL;
    while (adoption->first)
        remove_at(adoption, &adoption->first);
    free(adoption);
    return NULL;
}

// --- Finding ---------------------------------------------------------------------------------

static bool knows(const struct adoption *adoption, const char *name)
{
    for (const struct adopted *a = adoption->first; a; a = a->next) {
        if (strcmp(a->folder.name, name) == 0)
            return true;
    }
    return false;
}

// A folder in which no frame was ever written says nothing to anybody.
static bool remove_unused(struct adoption *adoption, struct journal_folder *folder)
{
    if (folder->n_segments > 0)
        return false;
    if (journal_folder_remove(folder, adoption->root_fd))
        log_event(LOG_WARN, "adoption.not_removed", log_str("journal", folder->name));
    journal_folder_close(folder);
    return true;
}

static void adopt(struct adoption *adoption, const char *name, unsigned *owned)
{
    struct journal_folder folder;

    int r = journal_folder_adopt(&folder, adoption->root_fd, name);
    if (r == JOURNAL_OWNED)
        ++*owned;
    else if (r)
        log_event(LOG_ERROR, "adoption.broken", log_str("journal", name), log_int("condition", r));
    if (r || remove_unused(adoption, &folder))
        return;
    struct adopted *a = calloc(1, sizeof(*a));
    if (!a) {
        journal_folder_close(&folder);
        return;
    }
    *a = (struct adopted){.next = adoption->first, .folder = folder};
    a->ended_ms = journal_folder_ended_ms(&folder);
    a->state = a->ended_ms ? ADOPTED_ENDED : ADOPTED_WAITING;
    a->bytes = journal_folder_bytes(&folder);
    adoption->first = a;
    adoption->count++;
}

int adoption_scan(struct adoption *adoption, unsigned *owned)
{
    uint8_t producer[PRODUCER_BYTES];
    struct dirent *entry;
    unsigned others = 0;

    int fd = openat(adoption->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -errno;
    while (adoption->polls == 0 && adoption->count < ADOPTED_MAX && (entry = readdir(dir))) {
        journal_folder_sweep(adoption->root_fd, entry->d_name, clock_wall_ms());
        if (journal_name_parse(entry->d_name, producer) == 0 && !knows(adoption, entry->d_name))
            adopt(adoption, entry->d_name, &others);
    }
    closedir(dir);
    if (owned)
        *owned = others;
    return 0;
}

// --- Keeping ---------------------------------------------------------------------------------

static struct adopted **oldest_ended(struct adoption *adoption, uint64_t *bytes)
{
    struct adopted **oldest = NULL;

    *bytes = 0;
    for (struct adopted **link = &adoption->first; *link; link = &(*link)->next) {
        if ((*link)->state != ADOPTED_ENDED || !adopted_idle(*link))
            continue;
        *bytes += (*link)->bytes;
        if (!oldest || (*link)->ended_ms < (*oldest)->ended_ms)
            oldest = link;
    }
    return oldest;
}

// At most one folder per call.
static void forget(struct adoption *adoption, uint64_t now_ms)
{
    uint64_t bytes;
    struct adopted **oldest = oldest_ended(adoption, &bytes);

    if (!oldest)
        return;
    bool old = (*oldest)->ended_ms + (uint64_t)adoption->options->journal_keep_ms <= now_ms;
    if (!old && bytes <= (uint64_t)adoption->options->journal_keep_bytes)
        return;
    log_event(LOG_INFO, "adoption.removed", log_str("journal", (*oldest)->folder.name));
    if (journal_folder_remove(&(*oldest)->folder, adoption->root_fd))
        log_event(LOG_WARN, "adoption.not_removed", log_str("journal", (*oldest)->folder.name));
    remove_at(adoption, oldest);
}

// At most one journal is opened per call: its tail has to be read.
static void activate(struct adoption *adoption)
{
    struct adopted *waiting = NULL;
    unsigned active = 0;

    for (struct adopted *a = adoption->first; a; a = a->next) {
        active += a->state == ADOPTED_SENDING;
        if (a->state == ADOPTED_WAITING)
            waiting = a;
    }
    if (waiting && active < ADOPTED_ACTIVE_MAX)
        adopted_open(waiting, adoption->store, (uint64_t)adoption->options->redis_window_bytes,
                     adoption->counters);
}

struct adoption_progress adoption_progress(const struct adoption *adoption)
{
    struct adoption_progress progress = {.folders = adoption->count};

    for (const struct adopted *a = adoption->first; a; a = a->next) {
        progress.bad += a->state == ADOPTED_BAD;
        progress.waiting += a->state == ADOPTED_WAITING || a->state == ADOPTED_SENDING;
        if (a->state == ADOPTED_SENDING)
            progress.behind_frames += sender_behind(&a->sender);
    }
    return progress;
}

void adoption_tick(struct adoption *adoption, uint64_t now_ms)
{
    if (adoption->polls == 0) {
        forget(adoption, now_ms);
        activate(adoption);
    }
    for (struct adopted *a = adoption->first; a; a = a->next)
        adopted_tick(a);
    struct adoption_progress progress = adoption_progress(adoption);
    metric_set(&adoption->counters->adopted, progress.folders);
    metric_set(&adoption->counters->adopted_waiting, progress.waiting);
}

void adoption_up(struct adoption *adoption, bool same)
{
    for (struct adopted *a = adoption->first; a; a = a->next)
        adopted_up(a, same);
}

void adoption_down(struct adoption *adoption)
{
    for (struct adopted *a = adoption->first; a; a = a->next)
        adopted_down(a);
}

// --- Positions -------------------------------------------------------------------------------

struct poll {
    struct adoption *adoption;
    size_t n;
    struct adopted *asked[POLL_MAX];
};

static void on_positions(void *ctx, const struct redis_reply *reply)
{
    struct poll *poll = ctx;
    uint64_t now_ms = clock_wall_ms();

    poll->adoption->polls--;
    for (size_t i = 0; reply && i < poll->n; i++)
        adopted_position(poll->asked[i], redis_reply_text(redis_reply_element(reply, i)), now_ms);
    free(poll);
}

static void poll_send(struct adoption *adoption, struct poll *poll, unsigned shard)
{
    char key[SENDER_KEY_BYTES];
    struct slice args[2 + POLL_MAX] = {SLICE("HMGET"), {key, sender_position_key(shard, key)}};

    for (size_t i = 0; i < poll->n; i++) {
        adopted_probe(poll->asked[i]);
        args[2 + i] = slice_of(poll->asked[i]->folder.name);
    }
    if (redis_link_send(adoption->store->link, args, 2 + poll->n, on_positions, poll) == 0)
        adoption->polls++;
    else
        free(poll);
}

// The next up to POLL_MAX folders of the shard, from *at on.
static struct poll *poll_collect(struct adoption *adoption, struct adopted **at, unsigned shard)
{
    struct poll *poll = calloc(1, sizeof(*poll));
    if (!poll)
        return NULL;
    poll->adoption = adoption;
    for (; *at && poll->n < POLL_MAX; *at = (*at)->next) {
        bool asks = (*at)->state == ADOPTED_SENDING || (*at)->state == ADOPTED_ENDED;
        if (asks && (*at)->folder.meta.shard == shard)
            poll->asked[poll->n++] = *at;
    }
    return poll;
}

static void poll_shard(struct adoption *adoption, unsigned shard)
{
    struct adopted *at = adoption->first;

    while (at) {
        struct poll *poll = poll_collect(adoption, &at, shard);
        if (!poll)
            return;
        if (poll->n > 0)
            poll_send(adoption, poll, shard);
        else
            free(poll);
    }
}

void adoption_poll(struct adoption *adoption)
{
    if (adoption->polls > 0 || !store_is_ready(adoption->store))
        return;
    for (struct adopted *a = adoption->first; a; a = a->next) {
        bool seen = false;
        for (struct adopted *b = adoption->first; b != a && !seen; b = b->next)
            seen = b->folder.meta.shard == a->folder.meta.shard;
        if (!seen)
            poll_shard(adoption, a->folder.meta.shard);
    }
}
