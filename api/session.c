// Session cookies and the CSRF checks, over libsodium. Pure. Invariants: two cookies of our name are none; a
// header that is given twice is as good as a wrong one; the CSRF token is compared in constant time.

#include "api/session.h"

#include <sodium.h>

#include "base/http_cookie.h"

int session_from_request(const struct http_request *request, struct slice *token)
{
    const struct slice name = SLICE(SESSION_COOKIE "=");
    struct http_cookies cookies = http_cookies_of(request);
    struct slice pair, found = SLICE_NONE;
    while (http_cookie_next(&cookies, &pair)) {
        if (pair.len <= name.len || memcmp(pair.data, name.data, name.len) != 0)
            continue;
        if (found.data)
            return SESSION_NONE;
        found = (struct slice){pair.data + name.len, pair.len - name.len};
    }
    if (!key_is_plain(found))
        return SESSION_NONE;
    *token = found;
    return 0;
}

void session_token(const char secret[KEY_SECRET_BYTES], char out[SESSION_TOKEN_BYTES])
{
    snprintf(out, SESSION_TOKEN_BYTES, SESSION_TOKEN "%s", secret);
}

size_t session_cookie_write(struct slice token, char out[SESSION_COOKIE_BYTES_MAX])
{
    int len = snprintf(out, SESSION_COOKIE_BYTES_MAX,
                       SESSION_COOKIE "=%.*s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%d",
                       (int)token.len, token.data ? token.data : "", token.len ? SESSION_AGE_S : 0);
    return (size_t)len;
}

void session_csrf(struct slice token, char out[SESSION_CSRF_BYTES])
{
    static const unsigned char what[] = "csrf";
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)token.data, token.len);
    crypto_auth_hmacsha256_update(&state, what, sizeof(what) - 1);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(out, SESSION_CSRF_BYTES, mac, sizeof(mac));
}

// "https://HOST" or "http://HOST" of the request itself; TLS may end in front of us.
static bool is_own_origin(const struct http_request *request, struct slice origin)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < array_length(schemes); i++) {
        struct slice scheme = slice_of(schemes[i]);
        if (origin.len > scheme.len && memcmp(origin.data, scheme.data, scheme.len) == 0)
            return slice_equal((struct slice){origin.data + scheme.len, origin.len - scheme.len},
                               request->host);
    }
    return false;
}

static bool is_same_origin(const struct http_request *request, bool *is_said)
{
    struct slice site_name = SLICE("Sec-Fetch-Site"), origin_name = SLICE("Origin");
    size_t sites = http_request_header_count(request, site_name);
    size_t origins = http_request_header_count(request, origin_name);
    *is_said = sites + origins > 0;
    if (sites > 1 || origins > 1)
        return false;
    if (sites == 1)
        return slice_equal(http_request_header(request, site_name), SLICE("same-origin"));
    return origins == 1 && is_own_origin(request, http_request_header(request, origin_name));
}

static bool has_csrf_token(const struct http_request *request, struct slice token)
{
    struct slice name = SLICE("X-CSRF-Token"), given = http_request_header(request, name);
    char wanted[SESSION_CSRF_BYTES];
    session_csrf(token, wanted);
    return http_request_header_count(request, name) == 1 && given.len == sizeof(wanted) - 1 &&
           sodium_memcmp(given.data, wanted, given.len) == 0;
}

int session_check_origin(const struct http_request *request, bool by_cookie, struct slice token,
                         struct fault *fault)
{
    bool is_said, is_own = is_same_origin(request, &is_said);
    if (!is_own && (is_said || by_cookie))
        return fault_set(fault, 403, "cross_site", "this request did not come from a page of this site");
    if (by_cookie && !has_csrf_token(request, token))
        return fault_set(fault, 403, "csrf", "X-CSRF-Token must be the csrf that GET /v1/me tells");
    return 0;
}
