// Names, mappings and log entries of the catalog's files. Written by the supervisor (catalog_sync.c), read by
// each worker (catalog.c). Invariant: whatever a file holds, an entry is only believed when its sum fits, so
// a torn tail ends the log. Limits: CATALOG_RECORD_MAX.

#include "tracker/catalog_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/bytes.h"

void catalog_file_name(uint64_t n, const char *suffix, char out[CATALOG_FILE_NAME_BYTES])
{
    snprintf(out, CATALOG_FILE_NAME_BYTES, "%" PRIu64 ".%s", n, suffix);
}

int catalog_fd_map(int fd, size_t bytes, struct slice *mapping)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (bytes == 0)
        bytes = (size_t)status.st_size;
    if ((size_t)status.st_size < bytes)
        return -ENODATA;
    *mapping = SLICE_NONE;
    if (bytes == 0)
        return 0;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return -errno;
    *mapping = (struct slice){data, bytes};
    return 0;
}

int catalog_file_map(int dir_fd, uint64_t n, const char *suffix, size_t bytes, struct slice *mapping)
{
    char name[CATALOG_FILE_NAME_BYTES];
    catalog_file_name(n, suffix, name);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = catalog_fd_map(fd, bytes, mapping);
    close(fd);
    return error;
}

void catalog_file_unmap(struct slice *mapping)
{
    if (mapping->data)
        munmap((void *)(uintptr_t)mapping->data, mapping->len);
    *mapping = SLICE_NONE;
}

static uint64_t entry_sum(const uint8_t *header, struct slice record)
{
    return XXH3_64bits_withSeed(record.data, record.len, XXH3_64bits(header, 16));
}

size_t catalog_entry_encode(uint8_t *out, uint64_t revision, struct slice record)
{
    bytes_put_u64(out, revision);
    bytes_put_u32(out + 8, (uint32_t)record.len);
    bytes_put_u32(out + 12, 0);
    bytes_put_u64(out + 16, entry_sum(out, record));
    memcpy(out + CATALOG_ENTRY_HEADER_BYTES, record.data, record.len);
    return CATALOG_ENTRY_HEADER_BYTES + record.len;
}

size_t catalog_entry_decode(struct slice bytes, uint64_t *revision, struct slice *record)
{
    const uint8_t *header = (const uint8_t *)bytes.data;
    if (bytes.len < CATALOG_ENTRY_HEADER_BYTES)
        return 0;
    size_t record_bytes = bytes_get_u32(header + 8);
    if (record_bytes > CATALOG_RECORD_MAX || bytes.len - CATALOG_ENTRY_HEADER_BYTES < record_bytes)
        return 0;
    struct slice found = {bytes.data + CATALOG_ENTRY_HEADER_BYTES, record_bytes};
    if (bytes_get_u32(header + 12) != 0 || bytes_get_u64(header + 16) != entry_sum(header, found))
        return 0;
    *revision = bytes_get_u64(header);
    *record = found;
    return CATALOG_ENTRY_HEADER_BYTES + record_bytes;
}
