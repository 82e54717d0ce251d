#pragma once

// Bytes that end where an unmapped page begins: reading one too many is a crash, with or without a sanitizer.

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guarded {
    char *map;
    size_t map_bytes, usable_bytes;
};

static inline struct guarded guarded_new(size_t bytes_max)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t usable = (bytes_max + page - 1) / page * page;
    char *map = mmap(NULL, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert(map != MAP_FAILED);
    assert(mprotect(map + usable, page, PROT_NONE) == 0);
    return (struct guarded){map, usable + page, usable};
}

static inline void guarded_free(struct guarded *guarded)
{
    munmap(guarded->map, guarded->map_bytes);
}

static inline char *guarded_put(const struct guarded *guarded, const void *data, size_t len)
{
    assert(len <= guarded->usable_bytes);
    return memmove(guarded->map + guarded->usable_bytes - len, data, len);
}
