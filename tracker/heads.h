#pragma once

// The headers of a request that a hit is made from, found in one walk.

#include "base/http_request.h"

enum head {
    HEAD_COOKIE,
    HEAD_REFERRER,
    HEAD_USER_AGENT,
    HEAD_LANGUAGE,
    HEAD_FORWARDED_FOR,
    HEAD_FORWARDED_PROTO,
    HEAD_SEC_FETCH_DEST,
    HEAD_SEC_FETCH_MODE,
    HEAD_SEC_GPC,
    HEAD_SEC_PURPOSE,
    HEAD_PURPOSE,
    HEAD_X_MOZ,
    HEAD_X_PURPOSE,
    HEAD_COUNT
};

struct heads {
    struct slice value[HEAD_COUNT]; // of the first of its name; .data NULL: there is none
    uint16_t n[HEAD_COUNT];         // how many have the name
};

void heads_read(struct heads *heads, const struct http_request *request);
