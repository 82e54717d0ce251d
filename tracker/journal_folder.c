// Folders of journals: names, locks, meta, the table of segments. Owners: the recorder (its own), adoption
// (those without an owner).
// Invariants: a folder appears under its name only when it is locked and its meta is on disk, so that an
// adopter never sees half of one; the table of segments ascends. Limits: JOURNAL_SEGMENTS_MAX segments,
// META_MAX bytes of meta.

#include "tracker/journal_folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracker/journal_door.h"

#define META_MAX      512
#define META_NAME     "meta"
#define ENDED_NAME    "ended"
#define HIDDEN_PREFIX "new-"
#define SEGMENTS_ROOM 16

static ssize_t door_write(int fd, const void *bytes, size_t len)
{
    return write(fd, bytes, len);
}

struct journal_doors journal_doors = {door_write, pread, fdatasync, fallocate};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void journal_name_format(const uint8_t producer[PRODUCER_BYTES], char out[JOURNAL_NAME_BYTES])
{
    for (size_t i = 0; i < PRODUCER_BYTES; i++)
        sprintf(out + 2 * i, "%02x", producer[i]);
}

int journal_name_parse(const char *name, uint8_t producer[PRODUCER_BYTES])
{
    if (strlen(name) != 2 * PRODUCER_BYTES)
        return JOURNAL_BROKEN;
    for (size_t i = 0; i < PRODUCER_BYTES; i++) {
        int high = hex_digit(name[2 * i]), low = hex_digit(name[2 * i + 1]);
        if (high < 0 || low < 0)
            return JOURNAL_BROKEN;
        producer[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

void journal_segment_name(uint64_t first_seq, char out[24])
{
    snprintf(out, 24, "%016" PRIx64 ".seg", first_seq);
}

static bool segment_name_parse(const char *name, uint64_t *first_seq)
{
    if (strlen(name) != 20 || strcmp(name + 16, ".seg") != 0)
        return false;
    *first_seq = 0;
    for (size_t i = 0; i < 16; i++) {
        int digit = hex_digit(name[i]);
        if (digit < 0)
            return false;
        *first_seq = *first_seq << 4 | (uint64_t)digit;
    }
    return *first_seq >= 1;
}

// --- Meta ------------------------------------------------------------------------------------

static int meta_write(int dir_fd, const struct journal_meta *meta)
{
    char text[META_MAX];
    int len = snprintf(text, sizeof(text),
                       "clickledger-journal 1\nshard %u\nworker %u\nstarted_ms %" PRIu64 "\nhost %s\n",
                       meta->shard, meta->worker, meta->started_ms, meta->host);
    int fd = openat(dir_fd, META_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    errno = ENOSPC; // of a short write
    bool good = journal_doors.write(fd, text, (size_t)len) == len && fsync(fd) == 0 && fsync(dir_fd) == 0;
    int r = good ? 0 : -errno;
    close(fd);
    return r;
}

static int meta_read(int dir_fd, struct journal_meta *meta)
{
    char text[META_MAX + 1];
    int fd = openat(dir_fd, META_NAME, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? JOURNAL_BROKEN : -errno;
    ssize_t n = read(fd, text, META_MAX);
    int error = errno;
    close(fd);
    if (n < 0)
        return -error;
    text[n] = '\0';
    int fields =
        sscanf(text, "clickledger-journal 1\nshard %u\nworker %u\nstarted_ms %" SCNu64 "\nhost %127s",
               &meta->shard, &meta->worker, &meta->started_ms, meta->host);
    return fields >= 3 ? 0 : JOURNAL_BROKEN;
}

// --- The table of segments -------------------------------------------------------------------

int journal_folder_add(struct journal_folder *folder, struct journal_segment segment)
{
    if (folder->n_segments == JOURNAL_SEGMENTS_MAX)
        return -EMFILE;
    if (folder->n_segments == folder->segments_room) {
        size_t room = folder->segments_room ? folder->segments_room * 2 : SEGMENTS_ROOM;
        struct journal_segment *segments = realloc(folder->segments, room * sizeof(*segments));
        if (!segments)
            return -ENOMEM;
        folder->segments = segments;
        folder->segments_room = room;
    }
    folder->segments[folder->n_segments++] = segment;
    return 0;
}

void journal_folder_drop_first(struct journal_folder *folder)
{
    assert(folder->n_segments > 0);
    folder->n_segments--;
    memmove(folder->segments, folder->segments + 1, folder->n_segments * sizeof(*folder->segments));
}

size_t journal_folder_find(const struct journal_folder *folder, uint64_t seq)
{
    size_t low = 0, high = folder->n_segments;

    assert(high > 0);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (folder->segments[middle].first_seq <= seq)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int journal_folder_segment(const struct journal_folder *folder, size_t i)
{
    char name[24];

    journal_segment_name(folder->segments[i].first_seq, name);
    int fd = openat(folder->dir_fd, name, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

uint64_t journal_folder_bytes(const struct journal_folder *folder)
{
    uint64_t bytes = 0;
    struct stat st;
    char name[24];

    for (size_t i = 0; i < folder->n_segments; i++) {
        journal_segment_name(folder->segments[i].first_seq, name);
        if (fstatat(folder->dir_fd, name, &st, 0) == 0)
            bytes += (uint64_t)st.st_size;
    }
    return bytes;
}

static int segment_compare(const void *left, const void *right)
{
    const struct journal_segment *a = left, *b = right;
    return a->first_seq < b->first_seq ? -1 : a->first_seq > b->first_seq;
}

static int segments_read(struct journal_folder *folder)
{
    int fd = openat(folder->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int r = 0;

    if (!dir)
        return -errno;
    while (r == 0 && (entry = readdir(dir))) {
        struct journal_segment segment = {0};
        if (segment_name_parse(entry->d_name, &segment.first_seq))
            r = journal_folder_add(folder, segment);
    }
    closedir(dir);
    if (folder->n_segments > 1)
        qsort(folder->segments, folder->n_segments, sizeof(*folder->segments), segment_compare);
    return r;
}

// --- Folders ---------------------------------------------------------------------------------

int journal_root_open(const char *path)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

bool journal_is_deleted(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

static int folder_lock(struct journal_folder *folder, int root_fd, const char *name)
{
    folder->dir_fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder->dir_fd < 0)
        return -errno;
    if (flock(folder->dir_fd, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? JOURNAL_OWNED : -errno;
    return 0;
}

int journal_folder_create(struct journal_folder *folder, int root_fd, const uint8_t producer[PRODUCER_BYTES],
                          const struct journal_meta *meta)
{
    char hidden[JOURNAL_NAME_BYTES + 8];

    *folder = JOURNAL_FOLDER_CLOSED;
    memcpy(folder->producer, producer, PRODUCER_BYTES);
    folder->meta = *meta;
    journal_name_format(producer, folder->name);
    snprintf(hidden, sizeof(hidden), HIDDEN_PREFIX "%s", folder->name);
    if (mkdirat(root_fd, hidden, 0700))
        return -errno;
    int r = folder_lock(folder, root_fd, hidden);
    if (r == 0)
        r = meta_write(folder->dir_fd, meta);
    if (r == 0 && renameat(root_fd, hidden, root_fd, folder->name))
        r = -errno;
    if (r == 0 && fsync(root_fd))
        r = -errno;
    if (r == 0)
        return 0;
    if (folder->dir_fd >= 0)
        unlinkat(folder->dir_fd, META_NAME, 0);
    unlinkat(root_fd, hidden, AT_REMOVEDIR);
    unlinkat(root_fd, folder->name, AT_REMOVEDIR);
    journal_folder_close(folder);
    return r > 0 ? -EBUSY : r;
}

int journal_folder_adopt(struct journal_folder *folder, int root_fd, const char *name)
{
    *folder = JOURNAL_FOLDER_CLOSED;
    if (journal_name_parse(name, folder->producer))
        return JOURNAL_BROKEN;
    memcpy(folder->name, name, JOURNAL_NAME_BYTES);
    int r = folder_lock(folder, root_fd, name);
    if (r == 0)
        r = meta_read(folder->dir_fd, &folder->meta);
    if (r == 0)
        r = segments_read(folder);
    if (r)
        journal_folder_close(folder);
    return r;
}

void journal_folder_sweep(int root_fd, const char *name, uint64_t now_ms)
{
    struct journal_folder folder = JOURNAL_FOLDER_CLOSED;
    struct stat st;

    if (strncmp(name, HIDDEN_PREFIX, strlen(HIDDEN_PREFIX)) != 0 ||
        journal_name_parse(name + strlen(HIDDEN_PREFIX), folder.producer))
        return;
    if (fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
        (uint64_t)st.st_mtim.tv_sec * 1000 + JOURNAL_STALE_MS > now_ms)
        return;
    if (folder_lock(&folder, root_fd, name) == 0) {
        unlinkat(folder.dir_fd, META_NAME, 0);
        unlinkat(root_fd, name, AT_REMOVEDIR);
    }
    journal_folder_close(&folder);
}

void journal_folder_close(struct journal_folder *folder)
{
    if (folder->dir_fd >= 0)
        close(folder->dir_fd);
    free(folder->segments);
    folder->dir_fd = -1;
    folder->segments = NULL;
    folder->n_segments = folder->segments_room = 0;
}

uint64_t journal_folder_ended_ms(const struct journal_folder *folder)
{
    struct stat st;
    if (fstatat(folder->dir_fd, ENDED_NAME, &st, 0))
        return 0;
    return (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
}

void journal_folder_mark_ended(const struct journal_folder *folder, bool ended)
{
    if (!ended) {
        unlinkat(folder->dir_fd, ENDED_NAME, 0);
        return;
    }
    int fd = openat(folder->dir_fd, ENDED_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static int remove_file(const struct journal_folder *folder, const char *name)
{
    return unlinkat(folder->dir_fd, name, 0) && errno != ENOENT ? -errno : 0;
}

int journal_folder_remove(struct journal_folder *folder, int root_fd)
{
    static const char *const names[] = {JOURNAL_RESERVE_NAME, ENDED_NAME, META_NAME};
    char name[24];
    int r = 0;

    for (size_t i = 0; r == 0 && i < folder->n_segments; i++) {
        journal_segment_name(folder->segments[i].first_seq, name);
        r = remove_file(folder, name);
    }
    for (size_t i = 0; r == 0 && i < array_length(names); i++)
        r = remove_file(folder, names[i]);
    if (r == 0 && unlinkat(root_fd, folder->name, AT_REMOVEDIR))
        r = -errno;
    return r;
}
