#pragma once

// The autonomous systems of data centres: a list with a version, base/datacentres.list or a file in its
// place.

#include <stdbool.h>

#include "base/list_text.h"

#define DATACENTRES_MAX 8192 // autonomous systems

struct datacentres {
    uint32_t version;
    size_t n;
    uint32_t asn[DATACENTRES_MAX]; // ascending
};

// The list of the binary.
extern const unsigned char datacentres_list[];
extern const size_t datacentres_list_bytes;

// 0 or LIST_WRONG with the reader's reason; then *datacentres is undefined.
must_check int datacentres_parse(struct datacentres *datacentres, struct slice text,
                                 struct list_reader *reader);

bool datacentres_hold(const struct datacentres *datacentres, uint32_t asn);
