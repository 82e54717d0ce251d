#pragma once

// One worker process: a loop that answers requests and records them.

#include "base/click_id.h"
#include "tracker/address.h"
#include "tracker/shared.h"

struct worker_options {
    const struct tracker_config *config;
    const struct click_id_keys *keys;
    const struct address_proxies *proxies;
    struct shared *shared;
    unsigned index;
    int listen_fd; // bound; is taken over
};

// Runs until SIGTERM, then finishes what is open. 0, or a negative errno when it could not start.
must_check int worker_run(const struct worker_options *options);
