#pragma once

// The pairs of a request's Cookie headers (RFC 6265, 5.4), as sent: names and values are not judged here.

#include "base/http_request.h"

struct http_cookies {
    const struct http_request *request;
    size_t header;     // the next one to look at
    struct slice rest; // of the one before it
};

static inline struct http_cookies http_cookies_of(const struct http_request *request)
{
    return (struct http_cookies){.request = request};
}

// The next pair, "name=value" without white space around it. False: there is none.
bool http_cookie_next(struct http_cookies *cookies, struct slice *pair);
