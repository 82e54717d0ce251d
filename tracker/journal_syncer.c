// The one thread beside a worker: it syncs, which may take as long as the disk likes. Owner:
// recorder. No memory is shared while it runs: a request (descriptors, token) goes through one pipe, its
// result comes back through the other. Each is smaller than PIPE_BUF, so that pipes carry them whole.

#include "tracker/journal_syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

struct request {
    struct journal_unsynced unsynced;
    uint64_t token;
};

struct result {
    int error;
    uint64_t token;
};

struct journal_syncer {
    pthread_t thread;
    int request_read, request_write; // the thread owns request_read and result_write
    int result_read, result_write;
    struct event *event;
    unsigned outstanding;
    journal_synced *synced;
    void *ctx;
};

static void *thread_main(void *ctx)
{
    const struct journal_syncer *syncer = ctx;
    struct request request;

    while (read(syncer->request_read, &request, sizeof(request)) == sizeof(request)) {
        struct result result = {journal_unsynced_sync(&request.unsynced), request.token};
        journal_unsynced_close(&request.unsynced);
        if (write(syncer->result_write, &result, sizeof(result)) != sizeof(result))
            break;
    }
    return NULL;
}

static void on_result(evutil_socket_t fd, short what, void *ctx)
{
    struct journal_syncer *syncer = ctx;
    struct result result;

    (void)what;
    while (read(fd, &result, sizeof(result)) == sizeof(result)) {
        syncer->outstanding--;
        syncer->synced(syncer->ctx, result.token, result.error);
    }
}

// Signals are for the loop.
static int thread_start(struct journal_syncer *syncer)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = -pthread_create(&syncer->thread, NULL, thread_main, syncer);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r;
}

static void syncer_release(struct journal_syncer *syncer)
{
    if (syncer->event)
        event_free(syncer->event);
    for (int *fd = &syncer->request_read; fd <= &syncer->result_write; fd++) {
        if (*fd >= 0)
            close(*fd);
    }
    free(syncer);
}

static int syncer_connect(struct journal_syncer *syncer, struct event_base *base)
{
    int requests[2], results[2];

    if (pipe2(requests, O_CLOEXEC))
        return -errno;
    syncer->request_read = requests[0];
    syncer->request_write = requests[1];
    if (pipe2(results, O_CLOEXEC))
        return -errno;
    syncer->result_read = results[0];
    syncer->result_write = results[1];
    if (evutil_make_socket_nonblocking(syncer->result_read))
        return -errno;
    syncer->event = event_new(base, syncer->result_read, EV_READ | EV_PERSIST, on_result, syncer);
    if (!syncer->event || event_add(syncer->event, NULL))
        return -ENOMEM;
    return 0;
}

int journal_syncer_open(struct journal_syncer **out, struct event_base *base, journal_synced *synced,
                        void *ctx)
{
    struct journal_syncer *syncer = calloc(1, sizeof(*syncer));

    *out = NULL;
    if (!syncer)
        return -ENOMEM;
    syncer->request_read = syncer->request_write = syncer->result_read = syncer->result_write = -1;
    syncer->synced = synced;
    syncer->ctx = ctx;
    int r = syncer_connect(syncer, base);
    if (r == 0)
        r = thread_start(syncer);
    if (r)
        syncer_release(syncer);
    else
        *out = syncer;
    return r;
}

struct journal_syncer *journal_syncer_close(struct journal_syncer *syncer)
{
    if (!syncer)
        return NULL;
    close(syncer->request_write); // the thread finishes what it has and ends
    syncer->request_write = -1;
    pthread_join(syncer->thread, NULL);
    syncer_release(syncer);
    return NULL;
}

int journal_syncer_submit(struct journal_syncer *syncer, const struct journal_unsynced *unsynced,
                          uint64_t token)
{
    struct request request = {*unsynced, token};

    if (write(syncer->request_write, &request, sizeof(request)) != sizeof(request)) {
        journal_unsynced_close(unsynced);
        return -EIO;
    }
    syncer->outstanding++;
    return 0;
}

bool journal_syncer_busy(const struct journal_syncer *syncer)
{
    return syncer->outstanding > 0;
}
