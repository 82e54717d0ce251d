// Writing a journal. Owner: the recorder of the producer's worker.
// Invariants: a frame is in the file whole or not at all (a short write is cut back); the next segment's
// blocks are reserved before the current one is full, so that a full disk refuses new frames but never one
// that was taken; after any error nothing is written again, since the kernel may have dropped what it could
// not write. A full segment and the name of the next one are synced with the next one's frames, before them:
// a sync may take as long as the disk likes, and the loop does not wait for it. Only one full segment waits.

#include "tracker/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tracker/journal_door.h"

void journal_fail(struct journal *journal, int error)
{
    assert(error < 0);
    if (journal->error)
        return;
    journal->error = error;
    log_event(LOG_ERROR, "journal.failed", log_str("journal", journal->folder.name), log_errno(error));
}

// A file system that cannot reserve (EOPNOTSUPP) refuses at the write instead.
static int journal_reserve(struct journal *journal)
{
    if (journal->reserve_fd >= 0)
        return 0;
    int fd =
        openat(journal->folder.dir_fd, JOURNAL_RESERVE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (journal_doors.fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)journal->segment_bytes) &&
        errno != EOPNOTSUPP) {
        int r = -errno;
        close(fd);
        unlinkat(journal->folder.dir_fd, JOURNAL_RESERVE_NAME, 0);
        return r;
    }
    journal->reserve_fd = fd;
    return 0;
}

static struct journal_unsynced unsynced_of(const struct journal *journal)
{
    return (struct journal_unsynced){.full_fd = journal->full_fd,
                                     .dir_fd = journal->renamed ? journal->folder.dir_fd : -1,
                                     .fd = journal->dirty ? journal->fd : -1};
}

static void unsynced_forget(struct journal *journal)
{
    if (journal->full_fd >= 0)
        close(journal->full_fd);
    journal->full_fd = -1;
    journal->renamed = journal->dirty = false;
}

int journal_open(struct journal *journal, int root_fd, const uint8_t producer[PRODUCER_BYTES],
                 const struct journal_meta *meta, uint64_t segment_bytes)
{
    *journal = (struct journal){.segment_bytes = segment_bytes, .fd = -1, .reserve_fd = -1, .full_fd = -1};
    int r = journal_folder_create(&journal->folder, root_fd, producer, meta);
    if (r)
        return r;
    r = journal_reserve(journal);
    if (r == 0)
        return 0;
    if (journal_folder_remove(&journal->folder, root_fd))
        log_event(LOG_WARN, "journal.left_behind", log_str("journal", journal->folder.name));
    journal_close(journal);
    return r;
}

void journal_close(struct journal *journal)
{
    unsynced_forget(journal);
    if (journal->fd >= 0)
        close(journal->fd);
    if (journal->reserve_fd >= 0) {
        close(journal->reserve_fd);
        unlinkat(journal->folder.dir_fd, JOURNAL_RESERVE_NAME, 0);
    }
    journal->fd = journal->reserve_fd = -1;
    journal_folder_close(&journal->folder);
}

int journal_sync(struct journal *journal)
{
    const struct journal_unsynced unsynced = unsynced_of(journal);
    int r = journal->error ? 0 : journal_unsynced_sync(&unsynced);

    if (r)
        journal_fail(journal, r);
    unsynced_forget(journal);
    return journal->error;
}

bool journal_sync_take(struct journal *journal, struct journal_unsynced *unsynced)
{
    const struct journal_unsynced ours = unsynced_of(journal);

    if (ours.fd < 0 || journal_unsynced_copy(&ours, unsynced))
        return false;
    unsynced_forget(journal);
    return true;
}

// The reserve becomes the last segment, under the name of its first frame.
static int journal_rotate(struct journal *journal, uint64_t seq, uint64_t hits_before)
{
    struct journal_folder *folder = &journal->folder;
    char name[24];

    int r = journal->full_fd >= 0 || journal->renamed ? journal_sync(journal) : 0;
    if (r == 0)
        r = journal_reserve(journal);
    if (r == 0)
        r = journal_folder_add(folder, (struct journal_segment){seq, hits_before});
    if (r)
        return r;
    journal_segment_name(seq, name);
    if (renameat(folder->dir_fd, JOURNAL_RESERVE_NAME, folder->dir_fd, name)) {
        r = -errno;
        folder->n_segments--;
        return r;
    }
    journal->full_fd = journal->fd;
    journal->renamed = true;
    journal->fd = journal->reserve_fd;
    journal->reserve_fd = -1;
    journal->offset = 0;
    return 0;
}

// What stands behind `offset` was never answered.
static void journal_cut(struct journal *journal)
{
    if (ftruncate(journal->fd, (off_t)journal->offset))
        log_event(LOG_WARN, "journal.tail_left", log_str("journal", journal->folder.name), log_errno(errno));
}

static int journal_write(struct journal *journal, const void *frame, size_t len)
{
    ssize_t n = journal_doors.write(journal->fd, frame, len);
    if (n == (ssize_t)len)
        return 0;
    int r = n < 0 ? -errno : -ENOSPC;
    journal_cut(journal);
    return r;
}

int journal_append(struct journal *journal, const void *frame, size_t len, uint64_t seq, uint64_t hits_before)
{
    int r = journal->error;

    assert(len <= journal->segment_bytes);
    if (r == 0 && (journal->fd < 0 || journal->offset + len > journal->segment_bytes))
        r = journal_rotate(journal, seq, hits_before);
    if (r == 0)
        r = journal_write(journal, frame, len);
    if (r) {
        journal_fail(journal, r);
        return journal->error;
    }
    journal->offset += len;
    journal->bytes += len;
    journal->dirty = true;
    return 0;
}

int journal_append_synced(struct journal *journal, const void *frame, size_t len, uint64_t seq,
                          uint64_t hits_before)
{
    int r = journal_append(journal, frame, len, seq, hits_before);

    if (r || (r = journal_sync(journal)) == 0)
        return r;
    journal->offset -= len;
    journal->bytes -= len;
    journal_cut(journal);
    return r;
}

void journal_tick(struct journal *journal)
{
    if (journal_is_deleted(journal->folder.dir_fd) || (journal->fd >= 0 && journal_is_deleted(journal->fd)))
        journal_fail(journal, -ESTALE);
    if (journal->error || journal->offset < journal->segment_bytes / 2)
        return;
    int r = journal_reserve(journal);
    if (r)
        log_event(LOG_WARN, "journal.no_room_ahead", log_str("journal", journal->folder.name), log_errno(r));
}

uint64_t journal_base(const struct journal *journal, uint64_t *hits_before)
{
    const struct journal_folder *folder = &journal->folder;

    *hits_before = folder->n_segments ? folder->segments[0].hits_before : 0;
    return folder->n_segments ? folder->segments[0].first_seq : 0;
}

unsigned journal_trim(struct journal *journal, uint64_t committed, uint64_t now_ms, uint64_t keep_ms,
                      uint64_t keep_bytes)
{
    struct journal_folder *folder = &journal->folder;
    unsigned trimmed = 0;
    char name[24];

    while (folder->n_segments > 1 && folder->segments[1].first_seq <= committed + 1) {
        struct stat st;
        journal_segment_name(folder->segments[0].first_seq, name);
        if (fstatat(folder->dir_fd, name, &st, 0))
            break;
        uint64_t written_ms = (uint64_t)st.st_mtim.tv_sec * 1000;
        if (written_ms + keep_ms > now_ms && journal->bytes <= keep_bytes)
            break;
        if (unlinkat(folder->dir_fd, name, 0))
            break;
        journal->bytes -= (uint64_t)st.st_size;
        journal_folder_drop_first(folder);
        trimmed++;
    }
    return trimmed;
}
