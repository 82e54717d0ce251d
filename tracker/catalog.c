// A worker's read side of the catalog: image and log mapped from files, an overlay over the log. Owner: the
// worker. Invariants: what was handed out stays valid until the next refresh, so files change only there; the
// shared struct is read as a whole under its turn counter; files were checked by the supervisor before it
// named them.

#include "tracker/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/catalog_image.h"
#include "base/log.h"
#include "tracker/catalog_file.h"
#include "tracker/catalog_overlay.h"

struct catalog {
    int dir_fd;
    const struct catalog_shared *shared;
    struct catalog_shared seen; // what the rest was made from; turn: of the last attempt
    struct slice image_file, log;
    struct catalog_image image;
    struct catalog_overlay overlay;
    size_t log_read; // bytes of the log that are in the overlay
    uint32_t shards;
    bool behind; // the last attempt failed
};

// A consistent copy, unless the supervisor writes just now.
static bool shared_copy(const struct catalog_shared *shared, struct catalog_shared *copy)
{
    copy->turn = __atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE);
    copy->files = __atomic_load_n(&shared->files, __ATOMIC_RELAXED);
    copy->log_bytes = __atomic_load_n(&shared->log_bytes, __ATOMIC_RELAXED);
    copy->revision = __atomic_load_n(&shared->revision, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return copy->turn % 2 == 0 && copy->turn == __atomic_load_n(&shared->turn, __ATOMIC_RELAXED);
}

static bool record_find(const struct catalog *catalog, uint8_t type, struct slice key,
                        struct catalog_record *record)
{
    if (catalog_overlay_find(&catalog->overlay, catalog->log, type, key, record))
        return !record->tombstone;
    return catalog->image.slots > 0 && catalog_image_find(&catalog->image, type, key, record);
}

static void shards_note(struct catalog *catalog)
{
    struct catalog_record record;
    struct catalog_settings settings;
    catalog->shards = catalog->image.shards;
    if (record_find(catalog, CATALOG_SETTINGS, SLICE(""), &record) &&
        catalog_settings_decode(&record, &settings) == 0)
        catalog->shards = settings.shards;
}

static void files_close(struct catalog *catalog)
{
    catalog_overlay_deinit(&catalog->overlay);
    catalog_file_unmap(&catalog->log);
    catalog_file_unmap(&catalog->image_file);
    catalog->image = (struct catalog_image){0};
    catalog->log_read = 0;
}

static int image_take(struct catalog *catalog, uint64_t files)
{
    struct slice file;
    struct catalog_image image;
    int error = catalog_file_map(catalog->dir_fd, files, "image", 0, &file);
    if (error < 0)
        return error;
    if (catalog_image_open(file, &image)) {
        catalog_file_unmap(&file);
        return -EBADMSG;
    }
    files_close(catalog);
    catalog->image_file = file;
    catalog->image = image;
    return 0;
}

static int log_take(struct catalog *catalog, const struct catalog_shared *now)
{
    struct slice log = SLICE_NONE;
    int error =
        now->log_bytes > 0 ? catalog_file_map(catalog->dir_fd, now->files, "log", now->log_bytes, &log) : 0;
    if (error < 0)
        return error;
    catalog_file_unmap(&catalog->log);
    catalog->log = log;
    while (catalog->log_read < log.len) {
        struct slice rest = {log.data + catalog->log_read, log.len - catalog->log_read}, record;
        uint64_t revision;
        size_t bytes = catalog_entry_decode(rest, &revision, &record);
        if (bytes == 0)
            return -EBADMSG;
        error = catalog_overlay_put(&catalog->overlay, log, (size_t)(record.data - log.data));
        if (error < 0)
            return error;
        catalog->log_read += bytes;
    }
    return 0;
}

static int files_take(struct catalog *catalog, const struct catalog_shared *now)
{
    if (now->files != catalog->seen.files) {
        int error = image_take(catalog, now->files);
        if (error < 0)
            return error;
        catalog->seen.files = now->files;
    }
    return log_take(catalog, now);
}

void catalog_refresh(struct catalog *catalog)
{
    struct catalog_shared now;
    if (__atomic_load_n(&catalog->shared->turn, __ATOMIC_ACQUIRE) == catalog->seen.turn)
        return;
    if (!shared_copy(catalog->shared, &now))
        return;
    catalog->seen.turn = now.turn;
    int error = files_take(catalog, &now);
    catalog->behind = error < 0;
    if (error < 0) {
        log_event(LOG_ERROR, "catalog.not_taken", log_uint("files", now.files),
                  log_uint("revision", now.revision), log_errno(error));
        return;
    }
    catalog->seen = now;
    shards_note(catalog);
}

void catalog_retry(struct catalog *catalog)
{
    if (catalog->behind)
        catalog->seen.turn = 0; // what was written once has a higher one
}

int catalog_new(struct catalog **out, const char *dir, const struct catalog_shared *shared)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    if (!catalog)
        return -ENOMEM;
    catalog->shared = shared;
    catalog->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (catalog->dir_fd < 0) {
        int error = -errno;
        free(catalog);
        return error;
    }
    catalog_refresh(catalog);
    *out = catalog;
    return 0;
}

struct catalog *catalog_free(struct catalog *catalog)
{
    if (catalog) {
        files_close(catalog);
        close(catalog->dir_fd);
        free(catalog);
    }
    return NULL;
}

bool catalog_link_find(const struct catalog *catalog, struct slice slug, struct catalog_link *out)
{
    struct catalog_record record;
    return record_find(catalog, CATALOG_LINK, slug, &record) && catalog_link_decode(&record, out) == 0;
}

bool catalog_program_find(const struct catalog *catalog, uint64_t program_id, struct catalog_program *out)
{
    struct catalog_record record;
    char key[CATALOG_ID_BYTES];
    catalog_program_key(program_id, key);
    return record_find(catalog, CATALOG_PROGRAM, (struct slice){key, sizeof(key)}, &record) &&
           catalog_program_decode(&record, out) == 0;
}

bool catalog_program_find_code(const struct catalog *catalog, struct slice code, struct catalog_program *out)
{
    struct catalog_record record;
    uint64_t program_id;
    return record_find(catalog, CATALOG_PROGRAM_CODE, code, &record) &&
           catalog_program_code_decode(&record, &program_id) == 0 &&
           catalog_program_find(catalog, program_id, out);
}

bool catalog_promo_code_find(const struct catalog *catalog, struct slice code, struct catalog_promo_code *out)
{
    struct catalog_record record;
    char upper[CATALOG_KEY_MAX];
    if (code.len > sizeof(upper))
        return false;
    for (size_t i = 0; i < code.len; i++)
        upper[i] =
            code.data[i] >= 'a' && code.data[i] <= 'z' ? (char)(code.data[i] - 'a' + 'A') : code.data[i];
    return record_find(catalog, CATALOG_PROMO_CODE, (struct slice){upper, code.len}, &record) &&
           catalog_promo_code_decode(&record, out) == 0;
}

bool catalog_integration_find(const struct catalog *catalog, const uint8_t key_sha256[CATALOG_HASH_BYTES],
                              struct catalog_integration *out)
{
    struct catalog_record record;
    struct slice key = {(const char *)key_sha256, CATALOG_HASH_BYTES};
    return record_find(catalog, CATALOG_INTEGRATION, key, &record) &&
           catalog_integration_decode(&record, out) == 0;
}

uint64_t catalog_revision(const struct catalog *catalog)
{
    return catalog->seen.revision;
}

uint32_t catalog_shards(const struct catalog *catalog)
{
    return catalog->shards;
}
