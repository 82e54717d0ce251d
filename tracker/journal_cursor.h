#pragma once

// Reads the frames of a journal in order, from any seq, over damage.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracker/journal_folder.h"

struct journal_cursor {
    const struct journal_folder *folder;
    uint64_t next_seq;   // lowest seq that journal_cursor_next() may yield
    uint64_t segment;    // first seq of the open segment; 0: none
    int fd;              // of the open segment, or -1
    uint64_t offset;     // of the next byte to read in it
    uint64_t torn_bytes; // bytes passed over so far because no frame was in them
    uint8_t *buffer;     // NULL while idle
    size_t room, filled; // the buffer holds [buffer_at, buffer_at + filled) of the segment
    uint64_t buffer_at;
};

struct journal_frame {
    struct frame_header header;
    const uint8_t *bytes; // header and payload; good until the next call
    size_t len;           // FRAME_HEADER_BYTES if hole
    bool hole;            // the payload is damaged or cut off
};

void journal_cursor_init(struct journal_cursor *cursor, const struct journal_folder *folder);
void journal_cursor_rest(
    struct journal_cursor *cursor); // gives descriptor and buffer back; may be used again

// The first readable frame with header.seq >= seq. 0, JOURNAL_END or negative errno (-EPROTONOSUPPORT:
// written by a newer release). Cheap when seq is the frame behind the last one.
must_check int journal_cursor_next(struct journal_cursor *cursor, uint64_t seq, struct journal_frame *frame);

// What an abandoned journal holds; for adoption. Cuts what is behind the last frame that is whole to its end.
struct journal_tail {
    uint64_t last_seq;   // 0: no frame at all
    uint64_t hits;       // up to and with last_seq
    uint64_t chain;      // of last_seq
    uint64_t torn_bytes; // cut off
};
must_check int journal_tail_find(const struct journal_folder *folder, struct journal_tail *tail);
