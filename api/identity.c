// Reads who asks. Reads the clock, else pure. Invariant: a key in a header is never overruled by a cookie,
// and a cookie never changes anything without the session's CSRF token.

#include "api/identity.h"

#include "base/clock.h"

static int read_key(const struct limiter *limiter, const struct http_request *request,
                    const struct in6_addr *address, struct identity *identity, struct fault *fault)
{
    bool has_header = http_request_header_count(request, SLICE("Authorization")) > 0;
    if (has_header ? key_from_request(request, &identity->key) != 0
                   : session_from_request(request, &identity->key) != 0)
        return fault_set(fault, 401, "unauthorized", "send a key as Authorization: Bearer KEY, or log in");
    identity->by_cookie = !has_header;
    key_hash(identity->key, identity->hash);
    uint64_t wait_ms = limiter_wait_ms(limiter, address, identity->hash, clock_monotonic_ms());
    return wait_ms ? fault_wait(fault, wait_ms, "too_many_failures",
                                "too many unknown keys came from this address; wait")
                   : 0;
}

int identity_read(const struct limiter *limiter, const struct route *route,
                  const struct http_request *request, const struct in6_addr *address,
                  struct identity *identity, struct fault *fault)
{
    *identity = (struct identity){0};
    if (route->asker != ROUTE_OPEN && read_key(limiter, request, address, identity, fault) != 0)
        return 1;
    // What only reads may come from anywhere: its answer stays in the browser.
    if (route->method == HTTP_GET || (identity->key.data && !identity->by_cookie))
        return 0;
    return session_check_origin(request, identity->by_cookie, identity->key, fault);
}
