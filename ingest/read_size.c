// Sizes a read by the frames of the one before it. Owner: the main loop.

#include "ingest/read_size.h"

#include "base/util.h"

void read_size_init(struct read_size *size, unsigned entries_max, size_t bytes)
{
    *size = (struct read_size){entries_max, bytes, min_of(entries_max, (unsigned)READ_ENTRIES_FIRST)};
}

void read_size_note(struct read_size *size, const struct read_done *done)
{
    if (!done->full) {
        size->entries = min_of(size->entries_max, (unsigned)READ_ENTRIES_FIRST);
        return;
    }
    size_t mean = max_of(done->bytes / done->entries, (size_t)1);
    size_t most = min_of((size_t)size->entries_max, 2 * (size_t)size->entries);

    size->entries = (unsigned)max_of(min_of(size->bytes / mean / done->streams, most), (size_t)1);
}
