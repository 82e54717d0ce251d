#pragma once

// What the endpoints of one worker work with, and the one way to record a hit.

#include "base/click_id.h"
#include "base/http_server.h"
#include "tracker/address.h"
#include "tracker/answer.h"
#include "tracker/catalog.h"
#include "tracker/counters.h"
#include "tracker/options.h"
#include "tracker/recorder.h"
#include "tracker/reference.h"
#include "tracker/refusals.h"
#include "base/scratch.h"
#include "tracker/turn.h"

struct context {
    const struct tracker_config *config;
    const struct click_id_keys *keys;
    const struct http_proxies *proxies;
    const uint8_t *address_key; // ADDRESS_KEY_BYTES
    struct reference *reference;
    struct click_id_generator generator;
    struct catalog *catalog;
    struct recorder *recorder;
    struct http_server *server;
    struct counters *counters;
    struct answers answers;
    struct turn turn;
    struct refusals refusals;
    struct scratch scratch; // of the request at hand
    uint64_t now_ms;        // wall clock of this turn
    bool turn_begun;
};

// Before the first request of a turn: takes the time and the newest catalog.
void context_turn_begin(struct context *context);

// Ends the frame that collects now. Answers that it carried are made anew if it could not be recorded.
void context_frame_end(struct context *context);

// Whether a hit added now can be kept, so that its id may be told.
bool context_records(const struct context *context);

// Records the hit of this request. Call before it is answered; the answer is held back as long as must be.
// false: it is not recorded (and counted as lost), so that its id must not be told.
must_check bool context_record(struct context *context, struct http_conn *conn, const struct hit *hit);
