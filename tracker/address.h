#pragma once

// Who asked: the peer of the connection, or what a trusted proxy says about it.

#include <netinet/in.h>

#include "base/click_id.h"
#include "base/hit.h"
#include "base/http_client.h"
#include "tracker/heads.h"

// http_client(), by the headers that were found already.
struct in6_addr address_client(const struct http_proxies *proxies, const struct http_request *request,
                               const struct heads *heads);

// Whether the client came by https: only a trusted proxy's X-Forwarded-Proto says so.
bool address_secure(const struct http_proxies *proxies, const struct http_request *request,
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
