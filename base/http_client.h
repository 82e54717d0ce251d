#pragma once

// Who asked: the peer of the connection, or what a trusted proxy says about it.

#include <netinet/in.h>

#include "base/http_request.h"

#define HTTP_PROXIES_MAX 32 // networks in a list of trusted proxies
#define HTTP_HOPS_MAX    32 // elements of X-Forwarded-For that are looked at

enum http_client_condition {
    HTTP_PROXIES_MALFORMED = 1, // not a list of addresses and networks, or too many of them
};

struct http_network {
    struct in6_addr address; // IPv4 as ::ffff:a.b.c.d
    unsigned prefix;         // bits, of the IPv6 form
};

struct http_proxies {
    struct http_network network[HTTP_PROXIES_MAX];
    size_t n;
};

// "10.0.0.0/8, ::1" into *proxies; empty text: none. 0 or HTTP_PROXIES_MALFORMED.
must_check int http_proxies_parse(struct http_proxies *proxies, struct slice text);

bool http_proxies_trust(const struct http_proxies *proxies, const struct in6_addr *address);

// The client: the rightmost hop of X-Forwarded-For that is not a trusted proxy, if the peer is one. What a
// proxy hands on and is no address ends the walk: the hop that said so is the client then.
struct in6_addr http_client(const struct http_proxies *proxies, const struct http_request *request);
