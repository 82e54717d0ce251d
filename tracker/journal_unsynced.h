#pragma once

// What of a journal is not yet on the disk, in the order in which it is brought there.

#include "base/util.h"

struct journal_unsynced {
    int full_fd; // the segment before the last; -1: none, as for the others
    int dir_fd;  // the folder: the last segment's name
    int fd;      // the last segment
};

#define JOURNAL_UNSYNCED_NONE ((struct journal_unsynced){-1, -1, -1})

// 0 or the negative errno of the first that failed. It waits for the disk.
must_check int journal_unsynced_sync(const struct journal_unsynced *unsynced);

// Descriptors of one's own. 0 or negative errno, then *out is none.
must_check int journal_unsynced_copy(const struct journal_unsynced *unsynced, struct journal_unsynced *out);
void journal_unsynced_close(const struct journal_unsynced *unsynced);
