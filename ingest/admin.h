#pragma once

// /healthz and /metrics.

#include <stdbool.h>

#include "base/http_server.h"
#include "ingest/counters.h"

struct event_base;
struct admin;

struct admin_state {
    const struct counters *counters;
    bool healthy; // kept up to date by the loop
};

// NULL with errno. port 0: no server, an admin that does nothing.
struct admin *admin_new(struct event_base *base, const char *host, uint16_t port,
                        const struct admin_state *state);
struct admin *admin_free(struct admin *admin); // NULL; takes NULL
void admin_flush(struct admin *admin);         // after each turn of the event loop
