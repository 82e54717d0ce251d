#pragma once

// How many entries of each stream are read at once: as many as make about so many bytes of all streams
// together. Frames of a tracker with little to do hold one click, those of a busy one a hundred: with either
// a load behind an outage is to have enough hits for a transaction, and a reply is to fit into memory.

#include <stdbool.h>
#include <stddef.h>

#define READ_ENTRIES_FIRST 256 // of a stream; also behind a read that emptied the streams

struct read_size {
    unsigned entries_max; // at least 1
    size_t bytes;         // of all frames in a reply, about
    unsigned entries;     // of the next read
};

struct read_done {
    size_t streams, entries, bytes; // that it brought
    bool full;                      // as many as were asked for, of one stream at least
};

void read_size_init(struct read_size *size, unsigned entries_max, size_t bytes);

// Sizes the next read by this one: twice as large at most, and only where more may wait. A reply is larger
// than `bytes` only as far as frames grow from one read to the next.
void read_size_note(struct read_size *size, const struct read_done *done);
