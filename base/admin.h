#pragma once

// /healthz and /metrics for operators and supervisors, on a listener of their own: what they tell is not for
// those whom a program serves.

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct http_server;

#define ADMIN_METRICS_BYTES_MAX (1 << 18)
#define ADMIN_HEALTH_BYTES_MAX  1024

// What a program tells; called for each request.
struct admin_source {
    // false makes the answer a 503. Writes a text with its NUL into out, which holds ADMIN_HEALTH_BYTES_MAX.
    bool (*health)(const void *ctx, char *out);
    // As metrics_render(): the length or -ENOBUFS.
    ssize_t (*metrics)(const void *ctx, char *out, size_t out_bytes);
    const void *ctx;
};

// A server that does not listen yet; the caller listens, flushes and frees it. `source` and what it points to
// must outlive it. NULL with errno.
struct http_server *admin_new(struct event_base *base, const struct admin_source *source);
