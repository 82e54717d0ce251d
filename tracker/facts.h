#pragma once

// What a request says about its sender: place, network, device, language. Rules look at it, a hit keeps it.

#include <netinet/in.h>

#include "base/hit.h"
#include "tracker/heads.h"
#include "tracker/reference.h"

#define FACTS_LANGUAGE_MAX 35 // bytes of a language tag (RFC 5646, 4.4.1)

// 0, or of length 0: not known.
struct facts {
    char country[HIT_COUNTRY_BYTES]; // ISO 3166-1 alpha-2, upper case
    char region[HIT_REGION_MAX];     // the subdivision's part of ISO 3166-2
    uint8_t region_len;
    uint8_t device, os, browser; // enum hit_device, hit_os, hit_browser
    uint8_t agent_class;         // enum hit_class, by the user agent alone
    bool datacentre;             // a network of which one is a bot
    uint32_t asn;
    struct slice language; // first of Accept-Language, as it was sent; of the request
};

// Asks the memory for what facts_read() will look up; best some work before it.
void facts_expect(const struct reference *reference, const struct in6_addr *address);

void facts_read(struct facts *facts, struct reference *reference, const struct heads *heads,
                const struct in6_addr *address);
