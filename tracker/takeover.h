#pragma once

// An upgrade: the supervisor starts the program that stands at its path now and hands it the very sockets
// that visitors connect to, so that no connection in their queues is lost. The two talk over a channel: the
// new one says TAKEOVER_READY; then, and by its end, each learns that the other has gone.

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/util.h"
#include "tracker/settings.h"

#define TAKEOVER_VARIABLE "CLICKLEDGER_TAKEOVER" // channel=5 admin=6 listen=7,8 state=/var/lib/...
#define TAKEOVER_READY    'R'

struct takeover {
    int channel, admin_fd; // channel -1: nothing was taken over
    int listen_fd[TRACKER_WORKERS_MAX];
    unsigned n;
};

enum takeover_condition {
    TAKEOVER_REFUSED = 1, // `error` says why
};

// What this process was handed, from its environment, where it is deleted. It must fit the settings:
// addresses, ports and `state` cannot change in an upgrade. 0 or TAKEOVER_REFUSED.
must_check int takeover_inherit(struct takeover *takeover, const struct tracker_config *config,
                                char error[SETTINGS_ERROR_BYTES]);

// Starts the program at `path` with these sockets. The pid, and *channel to it; or a negative errno.
must_check pid_t takeover_start(const struct takeover *takeover, const char *state, const char *path,
                                char *const argv[], int *channel);
