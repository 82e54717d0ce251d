#pragma once

// Who asks, as the request says it: a key, or the session of a browser. Whether it is known, the database
// says.

#include "api/limiter.h"
#include "api/route.h"
#include "api/session.h"

struct identity {
    struct slice key; // or token of the session, inside the request; .data NULL: nobody
    bool by_cookie;
    uint8_t hash[KEY_HASH_BYTES];
};

// Also whether the request may do what it wants from where it comes. 0, or 1 with a fault 401, 403 or 429.
must_check int identity_read(const struct limiter *limiter, const struct route *route,
                             const struct http_request *request, const struct in6_addr *address,
                             struct identity *identity, struct fault *fault);
