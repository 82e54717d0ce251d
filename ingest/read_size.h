#pragma once

// How many entries of a stream are read at once: as many as come to about so many bytes. A tracker that has
// little to do writes frames of one click, a busy one of a hundred; loads are to be worth a transaction with
// either, and a reply is to fit into memory. Grows twofold a read at most, shrinks at once.

#include <stddef.h>

#define READ_ENTRIES_FIRST 256

struct read_size {
    unsigned entries_max; // at least 1
    size_t bytes;         // of frames in a reply, about
    unsigned entries;     // of the next read
};

void read_size_init(struct read_size *size, unsigned entries_max, size_t bytes);

// What the last read brought, of all streams; nothing changes when it was nothing.
void read_size_note(struct read_size *size, size_t entries, size_t bytes);
