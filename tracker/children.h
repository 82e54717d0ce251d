#pragma once

// The worker processes of a supervisor: started, started again when they die, told to end.

#include <sys/types.h>

#include "tracker/reference.h"
#include "tracker/settings.h"
#include "tracker/shared.h"

struct child {
    pid_t pid;                     // 0: not running
    unsigned failures;             // in a row
    uint64_t started_ms, start_ms; // monotonic; start_ms: when to start it (again)
};

struct children {
    struct settings *settings;
    struct reference *reference;
    struct shared *shared;
    int socket[TRACKER_WORKERS_MAX]; // bound; worker i serves i, i + n, i + 2n ...
    unsigned n_sockets;              // at least n
    struct child child[TRACKER_WORKERS_MAX];
    unsigned n;
    uint64_t deaths; // of workers that were not asked to end
    bool stopping;   // then nobody is started again
};

void children_start_due(struct children *children, uint64_t now_ms);

// waitpid() told it. false: it was none of them.
bool children_ended(struct children *children, pid_t pid, int status);

void children_signal(struct children *children, int signal);
unsigned children_running(const struct children *children);

// The supervisor keeps the sockets, so that connections which wait in their queues outlive a worker that
// died.
void children_close_sockets(struct children *children);
