#pragma once

// Sessions in requests: the cookie, and what shows that a request that carries it was meant by our own pages
// and not made by another site. Pure.

#include "api/fault.h"
#include "api/key.h"

#define SESSION_COOKIE           "__Host-cl_session"
#define SESSION_TOKEN            "cl_session_" // begins each token
#define SESSION_TOKEN_BYTES      (sizeof(SESSION_TOKEN) - 1 + KEY_SECRET_BYTES)
#define SESSION_AGE_S            1209600 // 14 days, as in sql/0065
#define SESSION_COOKIE_BYTES_MAX 192
#define SESSION_CSRF_BYTES       65 // 64 hexadecimal digits with the NUL

enum session_condition {
    SESSION_NONE = 1, // no cookie of ours, or more than one
};

// 0 and the token inside the request, or SESSION_NONE.
must_check int session_from_request(const struct http_request *request, struct slice *token);

// The token of the session that is made from this secret.
void session_token(const char secret[KEY_SECRET_BYTES], char out[SESSION_TOKEN_BYTES]);

// The value of Set-Cookie; empty token: the cookie is deleted. Returns its length.
size_t session_cookie_write(struct slice token, char out[SESSION_COOKIE_BYTES_MAX]);

// What the session's pages send as X-CSRF-Token: HMAC-SHA256 under the token.
void session_csrf(struct slice token, char out[SESSION_CSRF_BYTES]);

// Whether a browser says that the request comes from a page of our own: Sec-Fetch-Site, or where a browser
// has none, Origin. `by_cookie`: it must say so, and the CSRF token must be that of the session; else a
// client that is no browser and sends neither header may pass. 0, or 1 with a fault 403.
must_check int session_check_origin(const struct http_request *request, bool by_cookie, struct slice token,
                                    struct fault *fault);
