#pragma once

// Who asked: the peer of the connection, or what a trusted proxy says about it.

#include <netinet/in.h>

#include "base/click_id.h"
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

// The key of address hashes: it goes with the click key that signs, so that hashes under another one cannot
// be compared with them.
#define ADDRESS_KEY_BYTES  16
#define ADDRESS_HASH_BYTES 8

void address_key_derive(const struct click_id_keys *keys, uint8_t out[ADDRESS_KEY_BYTES]);

// SipHash-2-4 of an IPv4 address, or of the /64 of an IPv6 one: whoever has one address there has them all.
void address_hash(const uint8_t key[ADDRESS_KEY_BYTES], const struct in6_addr *address,
                  uint8_t out[ADDRESS_HASH_BYTES]);

// The address' /24 or /48.
struct in6_addr address_network_of(const struct in6_addr *address);
