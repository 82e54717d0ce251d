// Session cookies, CSRF tokens, and what browsers say about where a request comes from.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>

#include <sodium.h>

#include "api/session.h"
#include "request_of.h"

#define TOKEN         "cl_session_0123456789abcdef0123456789abcdef01234567"
#define CSRF_OF_TOKEN "f65dcac0a7b00a68898c81bb29537fff959a95bad6485db3844e1d0cb4842f1d"

static void cookies_are_found(void **state)
{
    static const struct {
        const char *headers, *token; // NULL: none
    } cases[] = {
        {"Cookie: __Host-cl_session=x\r\n", "x"},
        {"cookie: a=b; __Host-cl_session=" TOKEN " ;c=d\r\n", TOKEN},
        {"Cookie: a=b\r\nCookie: __Host-cl_session=x\r\n", "x"},
        {"Cookie: ;;=; __Host-cl_session=x;\r\n", "x"},
        {"Cookie: __Host-cl_session=a=b\r\n", "a=b"},
        {"", NULL},
        {"Cookie: \r\n", NULL},
        {"Cookie: __Host-cl_session\r\n", NULL},
        {"Cookie: __Host-cl_session=\r\n", NULL},
        {"Cookie: __Host-cl_session=x; __Host-cl_session=x\r\n", NULL},
        {"Cookie: __Host-cl_session=x\r\nCookie: __Host-cl_session=y\r\n", NULL},
        {"Cookie: __host-cl_session=x\r\n", NULL},
        {"Cookie: x__Host-cl_session=x\r\n", NULL},
        {"Cookie: __Host-cl_session =x\r\n", NULL},
        {"Cookie: __Host-cl_session= x\r\n", NULL},
        {"Cookie: __Host-cl_session=\"x\"\r\n", NULL},
        {"Cookie: __Host-cl_session=x,y\r\n", NULL},
        {"Cookie: __Host-cl_session=\xc3\xa9\r\n", NULL},
        {"X-Cookie: __Host-cl_session=x\r\n", NULL},
    };
    struct request_of room;
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct slice token = SLICE_NONE;
        int result = session_from_request(request_of(&room, "GET", "/", cases[i].headers), &token);
        if (result != (cases[i].token ? 0 : SESSION_NONE) ||
            (cases[i].token && !slice_equal(token, slice_of(cases[i].token))))
            fail_msg("%s: %d", cases[i].headers, result);
    }
}

// As many as a head has room for: what lies behind them counts, too.
static void every_cookie_is_looked_at(void **state)
{
    char others[2048] = "", headers[4096];
    struct request_of room;
    struct slice token;
    (void)state;
    for (int i = 0; i < 500; i++)
        strcat(others, "a=b;");
    snprintf(headers, sizeof(headers), "Cookie: %s__Host-cl_session=x\r\n", others);
    assert_int_equal(session_from_request(request_of(&room, "GET", "/", headers), &token), 0);
    snprintf(headers, sizeof(headers), "Cookie: __Host-cl_session=x;%s__Host-cl_session=y\r\n", others);
    assert_int_equal(session_from_request(request_of(&room, "GET", "/", headers), &token), SESSION_NONE);
}

static void what_is_written_is_read(void **state)
{
    char cookie[SESSION_COOKIE_BYTES_MAX], headers[SESSION_COOKIE_BYTES_MAX + 16], token[SESSION_TOKEN_BYTES];
    struct request_of room;
    struct slice read;
    (void)state;
    session_token("0123456789abcdef0123456789abcdef01234567", token);
    assert_string_equal(token, TOKEN);
    size_t len = session_cookie_write(slice_of(token), cookie);
    assert_int_equal(len, strlen(cookie));
    assert_string_equal(cookie, "__Host-cl_session=" TOKEN
                                "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=1209600");
    snprintf(headers, sizeof(headers), "Cookie: %s\r\n", cookie);
    assert_int_equal(session_from_request(request_of(&room, "GET", "/", headers), &read), 0);
    assert_true(slice_equal(read, slice_of(token)));
    session_cookie_write(SLICE(""), cookie);
    assert_string_equal(cookie, "__Host-cl_session=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
}

static void csrf_is_hmac_sha256(void **state)
{
    char csrf[SESSION_CSRF_BYTES];
    (void)state;
    session_csrf(SLICE(TOKEN), csrf); // as `openssl dgst -sha256 -hmac` has it
    assert_string_equal(csrf, CSRF_OF_TOKEN);
}

static void origins_are_told_apart(void **state)
{
    static const struct {
        const char *headers;
        const char *cookie, *open; // code of the fault with a cookie, and without; NULL: passes
    } cases[] = {
        {"", "cross_site", NULL},
        {"Sec-Fetch-Site: same-origin\r\n", "csrf", NULL},
        {"Sec-Fetch-Site: same-origin\r\nX-CSRF-Token: " CSRF_OF_TOKEN "\r\n", NULL, NULL},
        {"Origin: http://t.example\r\nX-CSRF-Token: " CSRF_OF_TOKEN "\r\n", NULL, NULL},
        {"Origin: https://t.example\r\nX-CSRF-Token: " CSRF_OF_TOKEN "\r\n", NULL, NULL},
        {"X-CSRF-Token: " CSRF_OF_TOKEN "\r\n", "cross_site", NULL},
        {"Sec-Fetch-Site: same-origin\r\nX-CSRF-Token: " CSRF_OF_TOKEN "\r\nX-CSRF-Token: x\r\n", "csrf",
         NULL},
        {"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n", "cross_site", "cross_site"},
        {"Sec-Fetch-Site: cross-site\r\n", "cross_site", "cross_site"},
        {"Sec-Fetch-Site: same-site\r\n", "cross_site", "cross_site"},
        {"Sec-Fetch-Site: none\r\n", "cross_site", "cross_site"},
        {"Sec-Fetch-Site: cross-site\r\nOrigin: http://t.example\r\n", "cross_site", "cross_site"},
        {"Origin: null\r\n", "cross_site", "cross_site"},
        {"Origin: http://evil.example\r\n", "cross_site", "cross_site"},
        {"Origin: http://t.example.evil.example\r\n", "cross_site", "cross_site"},
        {"Origin: http://t.example:81\r\n", "cross_site", "cross_site"},
        {"Origin: ftp://t.example\r\n", "cross_site", "cross_site"},
        {"Origin: http://\r\n", "cross_site", "cross_site"},
        {"Origin: t.example\r\n", "cross_site", "cross_site"},
    };
    struct request_of room;
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        const struct http_request *request = request_of(&room, "POST", "/", cases[i].headers);
        const char *wanted[] = {cases[i].open, cases[i].cookie};
        for (int by_cookie = 0; by_cookie < 2; by_cookie++) {
            struct fault fault = {0};
            int result = session_check_origin(request, by_cookie, SLICE(TOKEN), &fault);
            if (result != (wanted[by_cookie] != NULL) ||
                (result && strcmp(fault.code, wanted[by_cookie]) != 0))
                fail_msg("%s, %d: %s", cases[i].headers, by_cookie, fault.code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_found),       cmocka_unit_test(every_cookie_is_looked_at),
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(csrf_is_hmac_sha256),
        cmocka_unit_test(origins_are_told_apart),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
