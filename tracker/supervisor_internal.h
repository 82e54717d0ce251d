#pragma once

// What the files of the supervisor share; nobody else includes it. supervisor.c has its life and its signals,
// upgrade.c what it does with a successor and a predecessor.

#include <limits.h>

#include <event2/event.h>

#include "tracker/admin.h"
#include "tracker/catalog_sync.h"
#include "tracker/children.h"
#include "tracker/takeover.h"

// The tracker whose sockets we took over, as long as it drains.
struct predecessor {
    int channel; // -1: there is none, or it has gone
    struct event *event;
};

// The tracker that shall take over from us.
struct successor {
    pid_t pid; // 0: there is none
    int channel;
    struct event *event;
    uint64_t ready_by_ms; // monotonic
};

struct supervisor {
    const struct program *program;
    struct settings *settings;
    char *const *argv;
    char path[PATH_MAX]; // of the program
    struct shared *shared;
    struct event_base *base;
    struct event *tick, *term, *interrupt, *died, *reload, *upgrade;
    struct http_server *server;
    int admin_fd; // the server's
    struct redis_options redis;
    struct catalog_sync *catalog_sync;
    struct admin *admin;
    struct admin_source admin_source;
    struct children children;
    struct predecessor predecessor;
    struct successor successor;
    bool took_over, ready, stopping;
    int failed;       // negative errno: could not take over
    uint64_t kill_ms; // monotonic
};

// supervisor.c
must_check int supervisor_follow_catalog(struct supervisor *supervisor);
void supervisor_stop(struct supervisor *supervisor); // once

// upgrade.c
void upgrade_on_signal(evutil_socket_t fd, short what, void *ctx);
void upgrade_successor_ended(struct supervisor *supervisor, int status); // waitpid() told it
void upgrade_tick(struct supervisor *supervisor, uint64_t now_ms);
must_check int upgrade_watch_predecessor(struct supervisor *supervisor);
must_check int upgrade_finish(struct supervisor *supervisor); // of one who took over, when ready
void upgrade_end(struct supervisor *supervisor);
