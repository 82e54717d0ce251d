// Visitors of a load, in memory, 64 bytes each. Owner: the engine.

#include "bench/visitors.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/random.h"

#define ROOM_FIRST    4096
#define ADDRESS_FIRST 0x0b000000u // 11.0.0.0; no proxy and no private network up to ADDRESS_LAST
#define ADDRESS_LAST  0x63ffffffu // 99.255.255.255

struct visitor visitors_next(struct visitors *visitors)
{
    bool back = visitors->n > 0 && random_below(&visitors->random, 100) < visitors->per_cent;

    if (back)
        return visitors->visitor[random_below(&visitors->random, visitors->n)];
    return (struct visitor){
        .address = ADDRESS_FIRST + (uint32_t)random_below(&visitors->random, ADDRESS_LAST - ADDRESS_FIRST)};
}

int visitors_keep(struct visitors *visitors, const struct visitor *visitor, struct slice set_cookie)
{
    const char *end = set_cookie.len > 0 ? memchr(set_cookie.data, ';', set_cookie.len) : NULL;
    size_t bytes = end ? (size_t)(end - set_cookie.data) : set_cookie.len;

    if (visitor->cookie_bytes > 0 || bytes == 0 || bytes > VISITOR_COOKIE_MAX)
        return 0;
    if (visitors->n == visitors->room) {
        size_t room = visitors->room > 0 ? 2 * visitors->room : ROOM_FIRST;
        struct visitor *more = reallocarray(visitors->visitor, room, sizeof(*more));
        if (!more)
            return -ENOMEM;
        visitors->visitor = more;
        visitors->room = room;
    }
    struct visitor *kept = &visitors->visitor[visitors->n++];
    *kept = (struct visitor){.address = visitor->address, .cookie_bytes = (uint8_t)bytes};
    memcpy(kept->cookie, set_cookie.data, bytes);
    return 0;
}

void visitors_free(struct visitors *visitors)
{
    free(visitors->visitor);
    *visitors = (struct visitors){0};
}

struct slice visitor_request(const struct visitor *visitor, struct slice request, char *out)
{
    size_t len = request.len - 2; // the empty line
    uint32_t a = visitor->address;

    assert(request.len >= 2 && request.len <= MIX_REQUEST_MAX);
    memcpy(out, request.data, len);
    len += (size_t)snprintf(out + len, VISITOR_REQUEST_MAX - len, "X-Forwarded-For: %u.%u.%u.%u\r\n", a >> 24,
                            a >> 16 & 255, a >> 8 & 255, a & 255);
    if (visitor->cookie_bytes > 0)
        len += (size_t)snprintf(out + len, VISITOR_REQUEST_MAX - len, "Cookie: %.*s\r\n",
                                (int)visitor->cookie_bytes, visitor->cookie);
    len += (size_t)snprintf(out + len, VISITOR_REQUEST_MAX - len, "\r\n");
    return (struct slice){out, len};
}
