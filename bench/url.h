#pragma once

// http://HOST[:PORT][/PATH[?QUERY]]. Pure.

#include "base/slice.h"
#include "base/util.h"

#define URL_HOST_MAX 255

enum url_condition {
    URL_REFUSED = 1, // not such a URL
};

struct url {
    char host[URL_HOST_MAX + 1], port[6]; // of an [IPv6] without the brackets
    struct slice authority, path;         // as they stand; path "/" when there is none
};

must_check int url_parse(struct slice text, struct url *url);
