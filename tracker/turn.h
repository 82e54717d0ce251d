#pragma once

// Which answers wait for which frame. Answers of the frame that collects now may have to be made anew when it
// cannot be recorded; without a journal they are held until Redis has the frame.

#include <stdbool.h>
#include <stdint.h>

#include "base/http_server.h"
#include "base/util.h"

struct turn_held {
    uint64_t token;
    struct http_handle handle; // generation 0: settled
};

// The answers of one connection that wait. Its run goes as a whole, so the last frame decides.
struct turn_run {
    uint32_t waiting;
    struct http_handle newest; // generation 0: it is being made anew
};

struct turn {
    size_t max;                  // of each list
    struct http_handle *current; // noted since the last frame
    struct http_handle *again;   // to be answered anew
    struct http_handle *taken;   // of them, what is being answered
    struct turn_held *held;      // a ring, oldest first
    struct turn_run *runs;       // by the handle's slot
    size_t n_current, n_again, n_held, first_held;
    size_t n_held_current; // the youngest of the ring: those of the current frame
};

// max also bounds the server's connections. 0 or -ENOMEM.
must_check int turn_init(struct turn *turn, size_t max);
void turn_free(struct turn *turn);

// Whether one more answer can be noted.
bool turn_has_room(const struct turn *turn);

// An answer depends on the current frame. turn_has_room() was true.
void turn_note(struct turn *turn, struct http_handle handle);
void turn_note_held(struct turn *turn, struct http_handle handle, uint64_t token);

// The current frame is recorded, or (retry) it is not and its answers are made anew by turn_answer_again().
void turn_frame_end(struct turn *turn, bool retry);

// The frame of this token is stored: its answers go when their whole run is. Or it is not: they are made
// anew.
void turn_settle(struct turn *turn, struct http_server *server, uint64_t token, bool stored);

// Calls the handler again for each answer to be made anew. Not from inside a handler. Whether there were any.
bool turn_answer_again(struct turn *turn, struct http_server *server);

// Holds back what is still to be made anew until a later turn.
void turn_hold_again(struct turn *turn, struct http_server *server);
