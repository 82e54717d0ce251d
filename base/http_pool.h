#pragma once

// Memory of one size that is used over and over: what is given back last is taken first, while the cache
// still has it. Under AddressSanitizer it is plain malloc and free, so that it cannot hide a use after free.

#include "base/slice.h"
#include "base/util.h"

struct http_pool {
    size_t bytes;
    unsigned keep_max; // more free pieces than this go back to malloc
    unsigned n_free;
    void *free; // each begins with the address of the next
};

void http_pool_init(struct http_pool *pool, size_t bytes, unsigned keep_max);
void http_pool_deinit(struct http_pool *pool);
must_check void *http_pool_take(struct http_pool *pool);  // not cleared; NULL: no memory
void http_pool_give(struct http_pool *pool, void *piece); // takes NULL

// A piece, or more than a piece from malloc where `bytes` says so. *got is what it can hold.
must_check char *http_pool_take_buffer(struct http_pool *pool, size_t bytes, size_t *got);

// `used`: how much of it has held something. That is zeroed, for it may have been a password or a key.
void http_pool_give_buffer(struct http_pool *pool, char *buffer, size_t got, size_t used);
