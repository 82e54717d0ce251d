// `clickledger-tracker drain`: everything that lies in journals without an owner is brought to PostgreSQL,
// then the command ends. Owner: the command. It stops for no reason but success, damage that needs a person,
// or a journal that somebody still writes.

#include "tracker/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "tracker/adoption.h"
#include "tracker/journal_folder.h"

#define TICK_MS        250
#define TICKS_PER_TELL 8

struct drain {
    struct store store;
    struct adoption *adoption;
    struct recorder_counters counters;
};

static void on_ready(void *ctx, bool same)
{
    adoption_up(((struct drain *)ctx)->adoption, same);
}

static void on_down(void *ctx)
{
    adoption_down(((struct drain *)ctx)->adoption);
}

static const struct store_events store_events = {on_ready, on_down};

static void tell(const struct drain *drain, struct adoption_progress progress)
{
    printf("journals=%u waiting=%u unreadable=%u to_send=%" PRIu64 " in_postgresql=%" PRIu64 " redis=%s\n",
           progress.folders, progress.waiting, progress.bad, progress.behind_frames,
           drain->counters.confirmed_frames, store_is_ready(&drain->store) ? "up" : "down");
    fflush(stdout);
}

static int drain_loop(struct drain *drain, struct event_base *base)
{
    struct adoption_progress progress = adoption_progress(drain->adoption);

    for (unsigned ticks = 0; progress.waiting > 0; ticks++) {
        struct timeval wait = {.tv_usec = TICK_MS * 1000};
        event_base_loopexit(base, &wait);
        event_base_dispatch(base);
        adoption_tick(drain->adoption, clock_wall_ms());
        adoption_poll(drain->adoption);
        progress = adoption_progress(drain->adoption);
        if (ticks % TICKS_PER_TELL == 0)
            tell(drain, progress);
    }
    tell(drain, progress);
    return progress.bad > 0 ? -EIO : 0;
}

static int drain_run(struct drain *drain, struct event_base *base, int root_fd,
                     const struct recorder_options *options)
{
    unsigned owned = 0;

    drain->adoption = adoption_new(root_fd, &drain->store, options, &drain->counters);
    if (!drain->adoption)
        return -ENOMEM;
    int r = adoption_scan(drain->adoption, &owned);
    if (r == 0)
        r = store_init(&drain->store, base, &options->redis, &store_events, drain);
    if (r == 0) {
        r = drain_loop(drain, base);
        store_deinit(&drain->store);
    }
    adoption_free(drain->adoption);
    return r == 0 && owned > 0 ? -EBUSY : r;
}

int recorder_drain(const struct recorder_options *options)
{
    struct drain drain = {0};
    struct event_base *base = event_base_new();
    int root_fd = journal_root_open(options->journal_dir);

    int r = base && root_fd >= 0 ? drain_run(&drain, base, root_fd, options)
            : root_fd < 0        ? root_fd
                                 : -ENOMEM;
    if (base)
        event_base_free(base);
    if (root_fd >= 0)
        close(root_fd);
    return r;
}
