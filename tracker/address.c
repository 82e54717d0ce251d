// The client's address and what is made of it. Pure.

#include "tracker/address.h"

#include <sodium.h>
#include <string.h>

struct in6_addr address_client(const struct http_proxies *proxies, const struct http_request *request,
                               const struct heads *heads)
{
    return heads->n[HEAD_FORWARDED_FOR] == 0 ? request->peer.address : http_client(proxies, request);
}

bool address_secure(const struct http_proxies *proxies, const struct http_request *request,
                    const struct heads *heads)
{
    return heads->n[HEAD_FORWARDED_PROTO] == 1 &&
           slice_equal(heads->value[HEAD_FORWARDED_PROTO], SLICE("https")) &&
           http_proxies_trust(proxies, &request->peer.address);
}

struct slice address_slice(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_UNSPECIFIED(address))
        return SLICE_NONE;
    if (IN6_IS_ADDR_V4MAPPED(address))
        return (struct slice){(const char *)address->s6_addr + 12, 4};
    return (struct slice){(const char *)address->s6_addr, 16};
}

void address_key_derive(const struct click_id_keys *keys, uint8_t out[ADDRESS_KEY_BYTES])
{
    static const char purpose[] = "clickledger address hash";
    _Static_assert(ADDRESS_KEY_BYTES >= crypto_generichash_BYTES_MIN &&
                       ADDRESS_KEY_BYTES == crypto_shorthash_siphash24_KEYBYTES &&
                       CLICK_ID_KEY_BYTES >= crypto_generichash_KEYBYTES_MIN,
                   "one key makes another");

    crypto_generichash(out, ADDRESS_KEY_BYTES, (const unsigned char *)purpose, sizeof(purpose) - 1,
                       keys->key[keys->current], CLICK_ID_KEY_BYTES);
}

void address_hash(const uint8_t key[ADDRESS_KEY_BYTES], const struct in6_addr *address,
                  uint8_t out[ADDRESS_HASH_BYTES])
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        crypto_shorthash_siphash24(out, address->s6_addr + 12, 4, key);
    else
        crypto_shorthash_siphash24(out, address->s6_addr, 8, key);
}

struct in6_addr address_network_of(const struct in6_addr *address)
{
    struct in6_addr network = *address;

    if (IN6_IS_ADDR_V4MAPPED(address))
        network.s6_addr[15] = 0;
    else
        memset(network.s6_addr + 6, 0, 10);
    return network;
}
