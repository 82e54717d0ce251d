// A free list of equal pieces. The owner is one server; nothing here is shared between threads. What is kept
// is bounded by keep_max, what is handed out by the server's limits.

#include "base/http_pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define POOL_KEEPS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_KEEPS 0
#endif
#endif
#ifndef POOL_KEEPS
#define POOL_KEEPS 1
#endif

void http_pool_init(struct http_pool *pool, size_t bytes, unsigned keep_max)
{
    assert(bytes >= sizeof(void *));
    *pool = (struct http_pool){.bytes = bytes, .keep_max = POOL_KEEPS ? keep_max : 0};
}

void http_pool_deinit(struct http_pool *pool)
{
    pool->keep_max = 0;
    while (pool->n_free > 0)
        free(http_pool_take(pool));
}

void *http_pool_take(struct http_pool *pool)
{
    void *piece = pool->free;

    if (piece == NULL)
        return malloc(pool->bytes);
    memcpy(&pool->free, piece, sizeof(pool->free));
    pool->n_free--;
    return piece;
}

void http_pool_give(struct http_pool *pool, void *piece)
{
    if (piece == NULL || pool->n_free >= pool->keep_max) {
        free(piece);
        return;
    }
    memcpy(piece, &pool->free, sizeof(pool->free));
    pool->free = piece;
    pool->n_free++;
}

char *http_pool_take_buffer(struct http_pool *pool, size_t bytes, size_t *got)
{
    *got = bytes > pool->bytes ? bytes : pool->bytes;
    return bytes > pool->bytes ? malloc(bytes) : http_pool_take(pool);
}

void http_pool_give_buffer(struct http_pool *pool, char *buffer, size_t got, size_t used)
{
    explicit_bzero(buffer, used);
    if (got == pool->bytes)
        http_pool_give(pool, buffer);
    else
        free(buffer);
}
