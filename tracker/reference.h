#pragma once

// What the tracker looks requests up in: the databases of places and networks, the lists of user agents and
// data centres. The supervisor opens them, and its workers inherit them; each opens new ones when the
// settings are new, between two turns.

#include <netinet/in.h>

#include "base/geo.h"
#include "tracker/agent_memo.h"
#include "base/datacentres.h"
#include "tracker/options.h"

struct reference {
    struct geo *place, *network; // NULL: there is none
    struct agents *agents;
    struct datacentres *datacentres;
    bool datacentres_count;            // who comes from one is a bot
    uint8_t version[VARINT_BYTES_MAX]; // of the newer list, as HIT_CLASS_VERSION
    uint8_t version_bytes;
    struct agent_memo memo;
};

// At start. What cannot be used is told, and its option emptied: an unsound file must not stop a tracker.
// 0 or -ENOMEM.
must_check int reference_new(struct reference **reference, struct tracker_config *config);
struct reference *reference_free(struct reference *reference);

// Whether all that the options name is there and sound; reads all of it. 0, or LIST_WRONG with `error`.
must_check int reference_check(const struct tracker_config *config, char *error, size_t error_bytes);

// Takes what the options name, as it was checked; what cannot be opened all the same stays as it was.
void reference_reload(struct reference *reference, const struct tracker_config *config);
