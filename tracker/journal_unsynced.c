// Syncs of a journal, in the loop or beside it. Owner of the descriptors: who made or copied them.

#include "tracker/journal_unsynced.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tracker/journal_door.h"

int journal_unsynced_sync(const struct journal_unsynced *unsynced)
{
    if ((unsynced->full_fd >= 0 && journal_doors.fdatasync(unsynced->full_fd)) ||
        (unsynced->dir_fd >= 0 && fsync(unsynced->dir_fd)) ||
        (unsynced->fd >= 0 && journal_doors.fdatasync(unsynced->fd)))
        return -errno;
    return 0;
}

static int copy(int fd)
{
    return fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

int journal_unsynced_copy(const struct journal_unsynced *unsynced, struct journal_unsynced *out)
{
    *out = (struct journal_unsynced){copy(unsynced->full_fd), copy(unsynced->dir_fd), copy(unsynced->fd)};
    if ((out->full_fd < 0) == (unsynced->full_fd < 0) && (out->dir_fd < 0) == (unsynced->dir_fd < 0) &&
        (out->fd < 0) == (unsynced->fd < 0))
        return 0;
    int r = -errno;
    journal_unsynced_close(out);
    *out = JOURNAL_UNSYNCED_NONE;
    return r;
}

void journal_unsynced_close(const struct journal_unsynced *unsynced)
{
    if (unsynced->full_fd >= 0)
        close(unsynced->full_fd);
    if (unsynced->dir_fd >= 0)
        close(unsynced->dir_fd);
    if (unsynced->fd >= 0)
        close(unsynced->fd);
}
