#pragma once

// Who asked: the peer of the connection, or what a trusted proxy says about it.

#include <netinet/in.h>

#include "base/hit.h"
#include "tracker/heads.h"

#define ADDRESS_PROXIES_MAX 32 // networks in trusted_proxies
#define ADDRESS_HOPS_MAX    32 // elements of X-Forwarded-For that are looked at

enum address_condition {
    ADDRESS_MALFORMED = 1, // not a list of addresses and networks, or too many of them
};

struct address_network {
    struct in6_addr address; // IPv4 as ::ffff:a.b.c.d
    unsigned prefix;         // bits, of the IPv6 form
};

struct address_proxies {
    struct address_network network[ADDRESS_PROXIES_MAX];
    size_t n;
};

// "10.0.0.0/8, ::1" into *proxies; empty text: none. 0 or ADDRESS_MALFORMED.
must_check int address_proxies_parse(struct address_proxies *proxies, struct slice text);

// The client: the rightmost hop of X-Forwarded-For that is not a trusted proxy, if the peer is one. What a
// proxy hands on and is no address ends the walk: the hop that said so is the client then.
struct in6_addr address_client(const struct address_proxies *proxies, const struct http_request *request,
                               const struct heads *heads);

// Whether the client came by https: only a trusted proxy's X-Forwarded-Proto says so.
bool address_secure(const struct address_proxies *proxies, const struct http_request *request,
                    const struct heads *heads);

// In network order as in HIT_ADDRESS: 4 or 16 bytes of *address; SLICE_NONE for a unix socket.
struct slice address_slice(const struct in6_addr *address);
