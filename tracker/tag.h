#pragma once

// The script of /t.js, from tag.js at build time: see embed.py.

#include "base/slice.h"

struct tag_body {
    struct slice script;
    struct slice etag; // with its quotes
};

extern const struct tag_body tag_plain, tag_gzip;

// What Accept-Encoding says of gzip (RFC 9110, 12.5.3).
bool tag_gzip_accepted(struct slice accept_encoding);

// Whether If-None-Match names this ETag (RFC 9110, 13.1.2).
bool tag_etag_matches(struct slice if_none_match, struct slice etag);
