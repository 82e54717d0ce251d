#pragma once

// One worker process: a loop that answers requests and records them.

#include "tracker/reference.h"
#include "tracker/settings.h"
#include "tracker/shared.h"

struct worker_options {
    struct settings *settings;   // the worker's own copy: it takes what is published into it
    struct reference *reference; // likewise
    struct shared *shared;
    uint64_t generation; // of *settings, noted before the fork
    unsigned index;
    const int *listen_fds; // bound; are taken over
    unsigned n_listen_fds;
};

// Runs until SIGTERM, then finishes what is open. 0, or a negative errno when it could not start.
must_check int worker_run(const struct worker_options *options);
