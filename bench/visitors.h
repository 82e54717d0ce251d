#pragma once

// Visitors who come back: each has an address and keeps the cookie that he was given.

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"
#include "bench/mix.h"

#define VISITOR_COOKIE_MAX  59
#define VISITOR_REQUEST_MAX (MIX_REQUEST_MAX + 128)

struct visitor {
    uint32_t address; // IPv4, from 11.0.0.0 on
    uint8_t cookie_bytes;
    char cookie[VISITOR_COOKIE_MAX]; // NAME=VALUE; empty: this is his first visit
};

struct visitors {
    struct visitor *visitor; // with cookies
    size_t n, room;
    uint64_t random;
    unsigned per_cent; // of visits that are not the first
};

// Who comes next: somebody new, or any of those who were there, each as likely as the other.
struct visitor visitors_next(struct visitors *visitors);

// Keeps him if he came for the first time and `set_cookie`, the value of that header, gives him a cookie of
// at most VISITOR_COOKIE_MAX bytes. 0 or -ENOMEM.
must_check int visitors_keep(struct visitors *visitors, const struct visitor *visitor,
                             struct slice set_cookie);
void visitors_free(struct visitors *visitors);

// The request with his address and cookie as its last headers; out: VISITOR_REQUEST_MAX bytes.
struct slice visitor_request(const struct visitor *visitor, struct slice request, char *out);
