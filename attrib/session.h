#pragma once

// attrib's connection: the lock that lets one worker attribute at a time, and the notifications that wake it.

#include <stdbool.h>
#include <stdint.h>

#include "base/pg.h"

struct session {
    struct pg *pg; // NULL: not connected
    bool is_leader;
};

// Connects and listens. 0, an enum pg_condition (logged) or a negative errno.
must_check int session_open(struct session *session, const char *conninfo);
void session_close(struct session *session); // also gives the lock back; open or not

// Tries to get the lock, or waits for it.
must_check int session_lead(struct session *session, bool waits);

// When the next hold ends (unix us), 0: none waits.
must_check int session_hold_next(struct session *session, int64_t *at_us);
