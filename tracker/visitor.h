#pragma once

// The visitor's cookie: `cl_v`, an id like a click id, so that a foreign or mangled one is noticed and
// replaced.

#include "base/click_id.h"
#include "tracker/heads.h"

#define VISITOR_COOKIE_NAME      "cl_v"
#define VISITOR_COOKIE_AGE_S     "34560000" // 400 days, the longest that browsers keep (RFC 6265bis, 4.1.2.2)
#define VISITOR_COOKIE_BYTES_MAX 448
#define VISITOR_DOMAIN_MAX       253
#define VISITOR_COOKIES_MAX      128 // cookies of a request that are looked at

// The first cookie of ours that was issued by us. false: there is none.
bool visitor_read(const struct http_request *request, const struct heads *heads,
                  const struct click_id_keys *keys, uint8_t out[CLICK_ID_BYTES]);

// Whether the visitor refused to be known (Global Privacy Control).
bool visitor_opted_out(const struct heads *heads);

struct visitor_cookie {
    const uint8_t *id;   // CLICK_ID_BYTES; NULL: the cookie is deleted
    struct slice domain; // at most VISITOR_DOMAIN_MAX; empty: the host's alone
    bool secure;         // the visitor came by https
    bool cross_site;     // also with pixels on pages of other sites, where secure
};

// The value of Set-Cookie. Returns its length.
size_t visitor_cookie_write(const struct visitor_cookie *cookie, char out[VISITOR_COOKIE_BYTES_MAX]);
