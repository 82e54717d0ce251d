#pragma once

// The journal of a live producer: plain frames in preallocated segments. A journal that failed once is failed
// for good; what it holds stays to be read.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracker/journal_folder.h"
#include "tracker/journal_unsynced.h"

struct journal {
    struct journal_folder folder;
    uint64_t segment_bytes;
    int fd;          // of the last segment; -1 before the first frame
    int reserve_fd;  // of the next segment, its blocks already ours; -1: none
    int full_fd;     // of the segment before the last, not yet synced; -1: none
    bool renamed;    // the last segment's name is not yet synced
    uint64_t offset; // end of the last whole frame in the last segment
    uint64_t bytes;  // in all segments
    bool dirty;      // written since the last journal_sync_take()
    int error;       // 0 or the negative errno that ended it
};

// Makes the folder and reserves its first segment. 0 or negative errno (nothing is left behind).
must_check int journal_open(struct journal *journal, int root_fd, const uint8_t producer[PRODUCER_BYTES],
                            const struct journal_meta *meta, uint64_t segment_bytes);
void journal_close(struct journal *journal); // again: no effect

// Appends one whole frame with one write. 0 or negative errno: then nothing of it stays and the journal has
// failed. len <= segment_bytes.
must_check int journal_append(struct journal *journal, const void *frame, size_t len, uint64_t seq,
                              uint64_t hits_before);

// The same, and on the disk. A frame whose sync fails is taken out again: its requests are answered anew, and
// whoever reads the journal must not find them twice.
must_check int journal_append_synced(struct journal *journal, const void *frame, size_t len, uint64_t seq,
                                     uint64_t hits_before);

// Reserves the next segment in time; failure shows when it is needed. A journal that somebody deleted has
// failed. About once a second.
void journal_tick(struct journal *journal);

// fdatasync now. 0 or negative errno: the journal has failed.
must_check int journal_sync(struct journal *journal);
// For a sync elsewhere, which closes them; false: nothing was written since the last one.
must_check bool journal_sync_take(struct journal *journal, struct journal_unsynced *unsynced);
void journal_fail(struct journal *journal, int error);

// Lowest seq that can still be read, and the hits before it. seq 0: nothing was written yet.
uint64_t journal_base(const struct journal *journal, uint64_t *hits_before);

// Deletes segments that PostgreSQL has whole (seq <= committed) and that are older than keep_ms, or that are
// too many for keep_bytes; never the last. Returns how many.
unsigned journal_trim(struct journal *journal, uint64_t committed, uint64_t now_ms, uint64_t keep_ms,
                      uint64_t keep_bytes);
