// The strict head parser. Every case is parsed in one piece and byte by byte, always laid against an unmapped
// page; both ways must come to the same verdict.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/http_char.h"
#include "base/http_parse.h"
#include "guarded.h"

enum {
    BYTES_MAX = 8192,
};

static const struct http_head_limits limits = {
    .line_bytes_max = 64, .headers_bytes_max = 160, .headers_max = 5};
static struct http_header headers[5];
static struct guarded guarded;

struct verdict {
    enum http_parse result;
    size_t seen; // bytes there when the verdict fell
};

static struct verdict parse_whole(struct http_head *head, struct slice text)
{
    *head = (struct http_head){.request.headers = headers};
    http_head_start(head);
    return (struct verdict){
        http_head_parse(head, &limits, guarded_put(&guarded, text.data, text.len), text.len), text.len};
}

static struct verdict parse_bytewise(struct http_head *head, struct slice text)
{
    const char *last = NULL;

    *head = (struct http_head){.request.headers = headers};
    http_head_start(head);
    for (size_t n = 1; n <= text.len; n++) {
        char *data = guarded_put(&guarded, text.data, n);
        if (last != NULL)
            http_head_move(head, last, data);
        last = data;
        enum http_parse result = http_head_parse(head, &limits, data, n);
        if (result != HTTP_PARSE_MORE)
            return (struct verdict){result, n};
    }
    return (struct verdict){HTTP_PARSE_MORE, text.len};
}

#define HOST "Host: a\r\n"
#define TEXT(s)                                                                                              \
    {                                                                                                        \
        SLICE_PARTS(s)                                                                                       \
    }

// `seen`: by which byte at the latest the fault must be known (0: by the last one given).
static const struct bad_case {
    struct slice text;
    enum http_fault fault;
    size_t seen;
} bad_cases[] = {
    // Request line
    {TEXT(" GET / HTTP/1.1\r\n"), HTTP_FAULT_LINE, 1},
    {TEXT("\tGET / HTTP/1.1\r\n"), HTTP_FAULT_LINE, 1},
    {TEXT("G(T / HTTP/1.1\r\n"), HTTP_FAULT_LINE, 2},
    {TEXT("G\0T / HTTP/1.1\r\n"), HTTP_FAULT_LINE, 2},
    {TEXT("G\xc3T / HTTP/1.1\r\n"), HTTP_FAULT_LINE, 2},
    {TEXT("GET\t/ HTTP/1.1\r\n"), HTTP_FAULT_LINE, 4},
    {TEXT("GET  / HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 5},
    {TEXT("GET /  HTTP/1.1\r\n"), HTTP_FAULT_LINE, 7},
    {TEXT("GET /\tHTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET / HTTP/1.1 \r\n"), HTTP_FAULT_LINE, 15},
    {TEXT("GET / HTTP/1.1\t\r\n"), HTTP_FAULT_LINE, 15},
    {TEXT("GET /\r\n"), HTTP_FAULT_LINE, 6},
    {TEXT("GET / http/1.1\r\n"), HTTP_FAULT_LINE, 7},
    {TEXT("GET / HTTP/1\r\n"), HTTP_FAULT_LINE, 13},
    {TEXT("GET / HTTP/11.1\r\n"), HTTP_FAULT_LINE, 13},
    {TEXT("GET / HTTP/1.10\r\n"), HTTP_FAULT_LINE, 15},
    {TEXT("GET / HTTP/a.1\r\n"), HTTP_FAULT_LINE, 12},
    {TEXT("GET / HTTP/1,1\r\n"), HTTP_FAULT_LINE, 13},
    {TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"), HTTP_FAULT_LINE, 33},
    {TEXT("\r\n\r\nGET / HTTP/1.1\r\n"), HTTP_FAULT_LINE, 3},
    {TEXT("\x16\x03\x01\x02\x00\x01"), HTTP_FAULT_LINE, 1}, // TLS
    // Line ends
    {TEXT("\nGET / HTTP/1.1\r\n"), HTTP_FAULT_LINE_END, 1},
    {TEXT("\rGET / HTTP/1.1\r\n"), HTTP_FAULT_LINE_END, 2},
    {TEXT("GET\n/ HTTP/1.1\r\n"), HTTP_FAULT_LINE_END, 4},
    {TEXT("GET /\nHTTP/1.1\r\n"), HTTP_FAULT_LINE_END, 6},
    {TEXT("GET / HTTP/1.1\n" HOST "\n"), HTTP_FAULT_LINE_END, 15},
    {TEXT("GET / HTTP/1.1\rX"), HTTP_FAULT_LINE_END, 16},
    {TEXT("GET / HTTP/1.1\r\r\n"), HTTP_FAULT_LINE_END, 16},
    {TEXT("GET / HTTP/1.1\r\nHost: a\n\r\n"), HTTP_FAULT_LINE_END, 24},
    {TEXT("GET / HTTP/1.1\r\nHost: a\rX"), HTTP_FAULT_LINE_END, 25},
    {TEXT("GET / HTTP/1.1\r\n" HOST "\n"), HTTP_FAULT_LINE_END, 26},
    {TEXT("GET / HTTP/1.1\r\n" HOST "\rX"), HTTP_FAULT_LINE_END, 27},
    {TEXT("GET / HTTP/1.1\r\n\nHost: a\r\n"), HTTP_FAULT_LINE_END, 17},
    // Version
    {TEXT("GET / HTTP/1.2\r\n"), HTTP_FAULT_VERSION, 14},
    {TEXT("GET / HTTP/0.9\r\n"), HTTP_FAULT_VERSION, 14},
    {TEXT("GET / HTTP/2.0\r\n"), HTTP_FAULT_VERSION, 14},
    {TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HTTP_FAULT_TARGET, 6},
    // Target
    {TEXT("GET /#f HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET /\"x HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET /<x HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET /\x7f HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET /\0 HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET /\xc3\xa9 HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET /a\\b HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 9},
    {TEXT("GET a HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("GET * HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 6},
    {TEXT("OPTIONS ** HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 11},
    {TEXT("CONNECT a:443 HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 14},
    {TEXT("GET ftp://a/ HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 13},
    {TEXT("GET http:///x HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 14},
    {TEXT("GET http://u@a/x HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 17},
    {TEXT("GET http://a:99999999/ HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 23},
    {TEXT("GET http://[::1/ HTTP/1.1\r\n"), HTTP_FAULT_TARGET, 17},
    // Fields
    {TEXT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), HTTP_FAULT_HEADER, 17},
    {TEXT("GET / HTTP/1.1\r\n" HOST "X: b\r\n c\r\n\r\n"), HTTP_FAULT_HEADER, 32},
    {TEXT("GET / HTTP/1.1\r\n" HOST "X: b\r\n\tc\r\n\r\n"), HTTP_FAULT_HEADER, 32},
    {TEXT("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), HTTP_FAULT_HEADER, 21},
    {TEXT("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"), HTTP_FAULT_HEADER, 21},
    {TEXT("GET / HTTP/1.1\r\n: a\r\n\r\n"), HTTP_FAULT_HEADER, 17},
    {TEXT("GET / HTTP/1.1\r\nHost\r\n\r\n"), HTTP_FAULT_HEADER, 21},
    {TEXT("GET / HTTP/1.1\r\nHo\0st: a\r\n"), HTTP_FAULT_HEADER, 19},
    {TEXT("GET / HTTP/1.1\r\nHo(st: a\r\n"), HTTP_FAULT_HEADER, 19},
    {TEXT("GET / HTTP/1.1\r\nX: a\0b\r\n"), HTTP_FAULT_HEADER, 21},
    {TEXT("GET / HTTP/1.1\r\nX: a\x01z\r\n"), HTTP_FAULT_HEADER, 21},
    {TEXT("GET / HTTP/1.1\r\nX: a\x7fz\r\n"), HTTP_FAULT_HEADER, 21},
    {TEXT("GET / HTTP/1.1\r\nX: 0123456789abcdef\x1f\r\n"), HTTP_FAULT_HEADER, 36},
    // Host
    {TEXT("GET / HTTP/1.1\r\n\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET http://a/ HTTP/1.1\r\n\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\n" HOST HOST), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\n" HOST "hOST: b\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.0\r\n" HOST HOST), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost:\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: a b\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: a, b\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: a/b\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: u@a\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: a:8x\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: :80\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: [::1\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: []\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: a,b\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: a%00\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET / HTTP/1.1\r\nHost: a:65536\r\n"), HTTP_FAULT_HOST, 0},
    {TEXT("GET http://b/ HTTP/1.1\r\n" HOST), HTTP_FAULT_HOST, 0},
    {TEXT("GET http://a:80/ HTTP/1.1\r\n" HOST), HTTP_FAULT_HOST, 0},
    // Framing
    {TEXT("POST / HTTP/1.1\r\nContent-Length:\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: -1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: +1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 0x1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 1 1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 1,1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 1.0\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: a\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
     HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: \"chunked\"\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: chunked;q=1\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding:\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"), HTTP_FAULT_FRAMING, 0},
    {TEXT("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n"), HTTP_FAULT_CODING, 0},
    {TEXT("POST / HTTP/1.1\r\nExpect: 200-ok\r\n"), HTTP_FAULT_EXPECTATION, 0},
    // Limits
    {TEXT("GET /0123456789012345678901234567890123456789012345678901234567890 HTTP/1.1\r\n"),
     HTTP_FAULT_LINE_LARGE, 64},
    {TEXT("GET / HTTP/1.1\r\n" HOST "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\n"), HTTP_FAULT_HEADERS_LARGE, 0},
    {TEXT("GET / HTTP/1.1\r\n" HOST "X: "
          "012345678901234567890123456789012345678901234567890123456789012345678901"
          "2345678901234567890123456789"
          "01234567890123456789012345678901234567890123456789"),
     HTTP_FAULT_HEADERS_LARGE, 16 + 160},
};

static void bad_heads_are_refused_at_once(void **state)
{
    struct http_head head;

    (void)state;
    for (size_t i = 0; i < array_length(bad_cases); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct verdict whole = parse_whole(&head, c->text);
        if (whole.result != HTTP_PARSE_BAD || head.fault != c->fault)
            fail_msg("case %zu whole: result %d, fault %s: %.*s", i, whole.result,
                     http_fault_name(head.fault), (int)c->text.len, c->text.data);
        struct verdict bytewise = parse_bytewise(&head, c->text);
        if (bytewise.result != HTTP_PARSE_BAD || head.fault != c->fault ||
            (c->seen != 0 && bytewise.seen != c->seen))
            fail_msg("case %zu bytewise: result %d, fault %s at %zu: %.*s", i, bytewise.result,
                     http_fault_name(head.fault), bytewise.seen, (int)c->text.len, c->text.data);
    }
}

static const struct good_case {
    struct slice text; // followed by "GET" of the next request
    enum http_method method;
    const char *host, *path, *query; // query NULL: no '?'
    enum http_framing framing;
    uint64_t length;
    size_t n_headers;
    bool keep_alive;
} good_cases[] = {
    {TEXT("GET / HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "a", "/", NULL, 0, 0, 1, true},
    {TEXT("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "a", "/", NULL, 0, 0, 1, true},
    {TEXT("HEAD /a?b=c?d HTTP/1.1\r\nhost:\t a.b:80 \t\r\n\r\n"), HTTP_HEAD, "a.b:80", "/a", "b=c?d", 0, 0, 1,
     true},
    {TEXT("GET /? HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "a", "/", "", 0, 0, 1, true},
    {TEXT("GET //x/../%zz?{m}|\\^`[] HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "a", "//x/../%zz", "{m}|\\^`[]", 0,
     0, 1, true},
    {TEXT("GET http://b:1/p?q HTTP/1.1\r\nHost: B:1\r\n\r\n"), HTTP_GET, "b:1", "/p", "q", 0, 0, 1, true},
    {TEXT("GET HTTPS://a?q HTTP/1.1\r\n" HOST "\r\n"), HTTP_GET, "a", "/", "q", 0, 0, 1, true},
    {TEXT("GET http://[::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), HTTP_GET, "[::1]:80", "/", NULL, 0, 0, 1,
     true},
    {TEXT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), HTTP_OPTIONS, "a", "*", NULL, 0, 0, 1, true},
    {TEXT("brew / HTTP/1.1\r\n" HOST "\r\n"), HTTP_OTHER, "a", "/", NULL, 0, 0, 1, true},
    {TEXT("get / HTTP/1.1\r\n" HOST "\r\n"), HTTP_OTHER, "a", "/", NULL, 0, 0, 1, true},
    {TEXT("GET / HTTP/1.0\r\n\r\n"), HTTP_GET, "", "/", NULL, 0, 0, 0, false},
    {TEXT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), HTTP_GET, "", "/", NULL, 0, 0, 1, true},
    {TEXT("GET / HTTP/1.1\r\n" HOST "Connection: x ,, Close\r\n\r\n"), HTTP_GET, "a", "/", NULL, 0, 0, 2,
     false},
    {TEXT("GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n"), HTTP_GET, "a",
     "/", NULL, 0, 0, 3, false},
    {TEXT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0012\r\n\r\n"), HTTP_POST, "a", "/", NULL,
     HTTP_FRAMING_LENGTH, 12, 2, true},
    {TEXT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 9999999999999999999\r\n\r\n"), HTTP_PUT, "a", "/", NULL,
     HTTP_FRAMING_LENGTH, 9999999999999999999u, 2, true},
    {TEXT("PATCH / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n"), HTTP_PATCH, "a", "/", NULL,
     HTTP_FRAMING_CHUNKED, 0, 2, true},
    {TEXT("DELETE / HTTP/1.1\r\n" HOST "X:\r\nY: \xff\t\x80 z\r\n\r\n"), HTTP_DELETE, "a", "/", NULL, 0, 0, 3,
     true},
};

static void check_good(const struct http_head *head, const struct good_case *c, size_t i)
{
    const struct http_request *request = &head->request;
    struct slice query = c->query != NULL ? slice_of(c->query) : SLICE_NONE;

    if (request->method != c->method || !slice_equal(request->host, slice_of(c->host)) ||
        !slice_equal(request->path, slice_of(c->path)) || !slice_equal(request->query, query) ||
        (request->query.data == NULL) != (c->query == NULL) || head->framing != c->framing ||
        head->content_length != c->length || request->n_headers != c->n_headers ||
        head->keep_alive != c->keep_alive || head->parsed != c->text.len ||
        head->options_star != slice_equal(request->path, SLICE("*")))
        fail_msg("case %zu: %.*s", i, (int)c->text.len, c->text.data);
}

static void good_heads_are_understood(void **state)
{
    struct http_head head;
    char text[BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < array_length(good_cases); i++) {
        const struct good_case *c = &good_cases[i];
        assert_int_equal(parse_bytewise(&head, c->text).result, HTTP_PARSE_DONE);
        check_good(&head, c, i);
        memcpy(text, c->text.data, c->text.len);
        memcpy(text + c->text.len, "GET", 3);
        assert_int_equal(parse_whole(&head, (struct slice){text, c->text.len + 3}).result, HTTP_PARSE_DONE);
        check_good(&head, c, i);
    }
}

static void headers_are_found_in_any_case(void **state)
{
    struct http_head head;

    (void)state;
    assert_int_equal(
        parse_bytewise(&head, SLICE("GET / HTTP/1.1\r\nHOST: a\r\nx-^: 1\r\nX-A:  b c \r\nx-a: d\r\n\r\n"))
            .result,
        HTTP_PARSE_DONE);
    assert_true(slice_equal(http_request_header(&head.request, SLICE("host")), SLICE("a")));
    assert_true(slice_equal(http_request_header(&head.request, SLICE("x-a")), SLICE("b c")));
    assert_int_equal(http_request_header_count(&head.request, SLICE("X-A")), 2);
    assert_null(http_request_header(&head.request, SLICE("x-~")).data);
    assert_null(http_request_header(&head.request, SLICE("hos")).data);
}

static void a_head_may_fill_its_limits(void **state)
{
    struct http_head head;
    char text[512];
    struct slice line = SLICE("GET /012345678901234567890123456789012345678901234567 HTTP/1.1\r\n");

    (void)state;
    assert_int_equal(line.len, limits.line_bytes_max);
    memset(text, 'x', sizeof(text));
    memcpy(text, line.data, line.len);
    memcpy(text + line.len, "Host: a\r\nX: ", 12);
    memcpy(text + line.len + limits.headers_bytes_max - 4, "\r\n\r\n", 4);
    assert_int_equal(parse_bytewise(&head, (struct slice){text, line.len + limits.headers_bytes_max}).result,
                     HTTP_PARSE_DONE);
}

static void classes_are_those_of_the_standards(void **state)
{
    static const char alnum[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    (void)state;
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        bool an = i != 0 && strchr(alnum, i) != NULL, visible = i > 0x20 && i < 0x7f;
        assert_int_equal(http_char_is(c, HTTP_CHAR_TOKEN),
                         an || (i != 0 && strchr("!#$%&'*+-.^_`|~", i) != NULL));
        assert_int_equal(http_char_is(c, HTTP_CHAR_TARGET), visible && strchr("\"<>#", i) == NULL);
        assert_int_equal(http_char_is(c, HTTP_CHAR_VALUE), visible || i == ' ' || i == '\t' || i >= 0x80);
        assert_int_equal(http_char_is(c, HTTP_CHAR_HEX),
                         i != 0 && strchr("0123456789abcdefABCDEF", i) != NULL);
        assert_int_equal(http_char_is(c, HTTP_CHAR_URL), (c > ' ' && c < 0x7f && !strchr("\"<>\\", c)));
        assert_int_equal(http_char_is(c, HTTP_CHAR_UNRESERVED), an || (i != 0 && strchr("-._~", i) != NULL));
    }
}

static void a_control_character_is_seen_wherever_it_stands(void **state)
{
    char text[40];

    (void)state;
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, at % 2 ? 0xff : 'a', sizeof(text));
            text[at] = (char)c;
            const char *data = guarded_put(&guarded, text, sizeof(text));
            const char *end = http_char_value_end(data, data + sizeof(text));
            assert_ptr_equal(end, http_char_is((char)c, HTTP_CHAR_VALUE) ? data + sizeof(text) : data + at);
        }
}

static int set_up(void **state)
{
    (void)state;
    guarded = guarded_new(BYTES_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guarded_free(&guarded);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_heads_are_refused_at_once),
        cmocka_unit_test(good_heads_are_understood),
        cmocka_unit_test(headers_are_found_in_any_case),
        cmocka_unit_test(a_head_may_fill_its_limits),
        cmocka_unit_test(classes_are_those_of_the_standards),
        cmocka_unit_test(a_control_character_is_seen_wherever_it_stands),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
