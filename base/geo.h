#pragma once

// Country, region and autonomous system of an address, from MaxMind DB files. The one door to libmaxminddb.
//
// A file is mapped: replace it by renaming another one over it; whoever writes into it crashes its readers.

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

enum geo_content {
    GEO_PLACE, // a City or a Country database
    GEO_ASN,
};

enum geo_condition {
    GEO_CORRUPT = 1, // no MaxMind DB of this content, or a damaged one
};

// What is not known is 0.
struct geo_fact {
    uint32_t asn;
    char country[2]; // ISO 3166-1 alpha-2, upper case
    char region[3];  // the subdivision's part of ISO 3166-2
    uint8_t region_len;
};

struct geo;

// 0, negative errno, or GEO_CORRUPT where that shows at once.
must_check int geo_open(struct geo **geo, const char *path, enum geo_content content);
struct geo *geo_free(struct geo *geo);

// Reads the whole file in a process of its own, so that no file can do harm: up to a second. 0, negative
// errno or GEO_CORRUPT.
must_check int geo_check(const char *path, enum geo_content content);

// Asks the memory for what geo_find() of this address will look at, so that it is there when other work is
// done.
void geo_expect(const struct geo *geo, const struct in6_addr *address);

// Adds to *fact what the file says. Of a damaged file that was not checked, nothing. `address`: IPv4 as
// ::ffff:a.b.c.d.
void geo_find(struct geo *geo, const struct in6_addr *address, struct geo_fact *fact);

// Whether every record that an address can lead to is sound, and at least one says what it should.
must_check bool geo_sound(struct geo *geo);
