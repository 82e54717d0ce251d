#pragma once

// One journal without an owner.

#include <stdbool.h>
#include <stdint.h>

#include "tracker/journal_cursor.h"
#include "tracker/sender.h"

enum adopted_state {
    ADOPTED_WAITING, // for its turn
    ADOPTED_SENDING, // frames, then END
    ADOPTED_ENDED,   // PostgreSQL has all of it; kept in case it goes back to an earlier moment
    ADOPTED_BAD,     // cannot be read (I/O, a newer release): left alone until the next start
};

enum adopted_end {
    END_UNSENT,
    END_SENT,   // no reply yet
    END_STORED, // under end_id
};

struct adopted {
    struct adopted *next;
    enum adopted_state state;
    struct journal_folder folder;
    struct journal_tail tail;
    bool opened; // tail and sender are good
    struct sender sender;
    enum adopted_end end;
    struct stream_id end_id;
    bool end_probed, end_gone;
    unsigned end_rest; // ticks before END may be sent again
    uint64_t ended_ms; // unix ms
    uint64_t bytes;
};

// Reads the journal; then the state is ADOPTED_SENDING, or ADOPTED_BAD.
void adopted_open(struct adopted *adopted, struct store *store, uint64_t window_bytes,
                  struct recorder_counters *counters);
void adopted_deinit(struct adopted *adopted);

void adopted_up(struct adopted *adopted, bool same);
void adopted_down(struct adopted *adopted);
void adopted_tick(struct adopted *adopted);
void adopted_probe(struct adopted *adopted); // before the positions are asked for
void adopted_position(struct adopted *adopted, struct slice text, uint64_t now_ms);
bool adopted_idle(const struct adopted *adopted);
