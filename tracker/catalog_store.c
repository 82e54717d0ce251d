// Writes STATE/catalog. Owner: the supervisor's catalog_sync. Invariants: the shared struct names only files
// that are whole, checked and already written; `current` (renamed into place) names the pair that a restart
// takes up; files of an older pair are unlinked, a worker's mapping of them lives on until its next refresh.
// An image is fsynced before it is named, and named for good before the older one goes; of the log a power
// cut may take the end, which Redis then gives again.

#include "tracker/catalog_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/catalog_image.h"
#include "base/log.h"
#include "tracker/catalog_file.h"

#define CURRENT_MAX 128
#define RECEIVED    "received"

static int write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes.data += written;
        bytes.len -= (size_t)written;
    }
    return 0;
}

static void shared_tell(struct catalog_store *store)
{
    struct catalog_shared *shared = store->shared;
    uint64_t turn = shared->turn;
    __atomic_store_n(&shared->turn, turn + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&shared->files, store->files, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->log_bytes, store->log_bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->revision, store->revision, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->turn, turn + 2, __ATOMIC_RELEASE);
}

static int file_replace(struct catalog_store *store, const char *name, struct slice content)
{
    char temporary[CATALOG_FILE_NAME_BYTES];
    snprintf(temporary, sizeof(temporary), "%s.new", name);
    int fd = openat(store->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = write_all(fd, content);
    if (error == 0 && fsync(fd) < 0)
        error = -errno;
    close(fd);
    if (error == 0 && renameat(store->dir_fd, temporary, store->dir_fd, name) < 0)
        error = -errno;
    return error;
}

static int current_write(struct catalog_store *store, uint64_t files, const char *epoch)
{
    char text[CURRENT_MAX];
    int length = snprintf(text, sizeof(text), "%" PRIu64 " %s\n", files, epoch);
    return file_replace(store, "current", (struct slice){text, (size_t)length});
}

static bool current_read(struct catalog_store *store)
{
    char text[CURRENT_MAX];
    int fd = openat(store->dir_fd, "current", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[max_of(length, 0)] = '\0';
    return sscanf(text, "%" SCNu64 " %63[0-9a-f-]", &store->files, store->epoch) == 2;
}

static int image_check(struct slice file, uint64_t *revision)
{
    struct catalog_image image;
    if (catalog_image_open(file, &image) || catalog_image_check(&image))
        return CATALOG_STORE_REFUSED;
    *revision = image.revision;
    return 0;
}

static int image_take_up(struct catalog_store *store)
{
    struct slice file;
    int error = catalog_file_map(store->dir_fd, store->files, "image", 0, &file);
    if (error < 0)
        return error;
    error = image_check(file, &store->revision);
    store->image_revision = store->revision;
    catalog_file_unmap(&file);
    return error;
}

static int log_open_file(struct catalog_store *store, int flags)
{
    char name[CATALOG_FILE_NAME_BYTES];
    catalog_file_name(store->files, "log", name);
    store->log_fd = openat(store->dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | flags, 0600);
    return store->log_fd < 0 ? -errno : 0;
}

// Reads the log up to its torn tail and cuts it there.
static int log_take_up(struct catalog_store *store)
{
    struct slice log, record;
    int error = log_open_file(store, 0);
    if (error == 0)
        error = catalog_file_map(store->dir_fd, store->files, "log", 0, &log);
    if (error < 0)
        return error;
    for (size_t bytes = log.len; bytes > 0; store->log_bytes += bytes) {
        struct slice rest = {log.data + store->log_bytes, log.len - store->log_bytes};
        bytes = catalog_entry_decode(rest, &store->revision, &record);
    }
    catalog_file_unmap(&log);
    return ftruncate(store->log_fd, (off_t)store->log_bytes) < 0 ? -errno : 0;
}

static void forget(struct catalog_store *store)
{
    if (store->log_fd >= 0)
        close(store->log_fd);
    store->log_fd = -1;
    store->epoch[0] = '\0';
    store->revision = store->log_bytes = 0;
}

int catalog_store_init(struct catalog_store *store, const char *dir, struct catalog_shared *shared)
{
    *store = (struct catalog_store){.log_fd = -1, .image_fd = -1, .shared = shared};
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -errno;
    store->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->dir_fd < 0)
        return -errno;
    if (!current_read(store))
        return 0;
    int error = image_take_up(store);
    if (error == 0)
        error = log_take_up(store);
    if (error != 0) {
        log_event(LOG_ERROR, "catalog.files_unusable", log_str("dir", dir), log_uint("files", store->files),
                  log_str("consequence", "no link is known until Redis gives the catalog"));
        forget(store);
        return 0;
    }
    shared_tell(store);
    return 0;
}

void catalog_store_deinit(struct catalog_store *store)
{
    forget(store);
    if (store->image_fd >= 0)
        close(store->image_fd);
    close(store->dir_fd);
}

int catalog_store_append(struct catalog_store *store, struct slice entries, uint64_t revision)
{
    int error = write_all(store->log_fd, entries);
    if (error < 0) {
        if (ftruncate(store->log_fd, (off_t)store->log_bytes) < 0)
            log_event(LOG_ERROR, "catalog.log_not_cut", log_errno(errno));
        return error;
    }
    store->log_bytes += entries.len;
    store->revision = revision;
    shared_tell(store);
    return 0;
}

int catalog_store_image_begin(struct catalog_store *store)
{
    if (store->image_fd >= 0)
        close(store->image_fd);
    store->image_bytes = 0;
    store->image_fd = openat(store->dir_fd, RECEIVED, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return store->image_fd < 0 ? -errno : 0;
}

int catalog_store_image_piece(struct catalog_store *store, struct slice piece)
{
    store->image_bytes += piece.len;
    if (store->image_bytes > CATALOG_IMAGE_BYTES_MAX)
        return -EFBIG;
    return write_all(store->image_fd, piece);
}

static void pair_unlink(struct catalog_store *store, uint64_t files)
{
    const char *suffixes[] = {"image", "log"};
    for (size_t i = 0; i < array_length(suffixes); i++) {
        char name[CATALOG_FILE_NAME_BYTES];
        catalog_file_name(files, suffixes[i], name);
        unlinkat(store->dir_fd, name, 0);
    }
}

// The received image becomes <files>.image with an empty log, and `current` names it.
static int pair_place(struct catalog_store *store, uint64_t files, const char *epoch)
{
    char name[CATALOG_FILE_NAME_BYTES];
    pair_unlink(store, files);
    catalog_file_name(files, "image", name);
    if (fsync(store->image_fd) < 0 || renameat(store->dir_fd, RECEIVED, store->dir_fd, name) < 0)
        return -errno;
    uint64_t old_files = store->files;
    int old_log = store->log_fd;
    store->files = files;
    int error = log_open_file(store, O_TRUNC);
    if (error == 0)
        error = current_write(store, files, epoch);
    if (error < 0) {
        if (store->log_fd >= 0)
            close(store->log_fd);
        store->log_fd = old_log;
        store->files = old_files;
        pair_unlink(store, files);
        return error;
    }
    if (old_log >= 0)
        close(old_log);
    return 0;
}

int catalog_store_image_finish(struct catalog_store *store, struct slice epoch)
{
    char name[CATALOG_EPOCH_MAX];
    uint64_t revision, old_files = store->files;
    snprintf(name, sizeof(name), "%.*s", (int)min_of(epoch.len, sizeof(name) - 1), epoch.data);
    struct slice file;
    int error = catalog_fd_map(store->image_fd, 0, &file);
    if (error < 0)
        return error;
    error = image_check(file, &revision);
    catalog_file_unmap(&file);
    if (error == 0)
        error = pair_place(store, old_files + 1, name);
    close(store->image_fd);
    store->image_fd = -1;
    if (error != 0)
        return error;
    memcpy(store->epoch, name, sizeof(name));
    store->revision = store->image_revision = revision;
    store->log_bytes = 0;
    shared_tell(store);
    if (fsync(store->dir_fd) == 0) // else a power cut could bring back a `current` that names the old pair
        pair_unlink(store, old_files);
    return 0;
}
