#pragma once

// Building an answer. Pure: bytes into the caller's memory. Every name and value is checked here, at the last
// moment, so that no CR, LF, NUL or other control character can get into a header whatever the caller did.
// Date, Content-Length and Connection are always ours; a caller's header of such a name is refused.

#include "base/http_request.h"

enum {
    HTTP_PRESET_BYTES_MAX = 512,
    HTTP_RESPONSE_UNSAFE = 1, // a name or value that must not be sent, or a name that is ours
};

// A status line and headers that never change, checked and laid out once.
struct http_preset {
    unsigned status;
    size_t len;
    char text[HTTP_PRESET_BYTES_MAX];
};

// "Date: ...\r\n", formatted once a second. Start with {0}.
struct http_date {
    int64_t second;
    size_t len;
    char text[40];
};

struct http_response {
    const struct http_preset *preset; // or NULL: then status
    unsigned status;                  // 200..599
    const struct http_header *headers;
    size_t n_headers;
    struct slice body; // the body of the GET answer, also for HEAD
    bool streamed;     // no body yet: it follows in chunks, in HTTP/1.0 up to the close
    bool head_only;    // the request was HEAD
    bool keep_alive;   // the connection stays
    unsigned minor;    // of the request's version
};

// 0, HTTP_RESPONSE_UNSAFE, or -ENOSPC if it is longer than HTTP_PRESET_BYTES_MAX.
must_check int http_preset_init(struct http_preset *preset, unsigned status,
                                const struct http_header *headers, size_t n_headers);

void http_date_update(struct http_date *date, int64_t unix_second);

// No answer is longer than this.
size_t http_response_bytes_max(const struct http_response *response);

// Writes the answer to out (of http_response_bytes_max() bytes). 0 and *len, or HTTP_RESPONSE_UNSAFE.
must_check int http_response_write(const struct http_response *response, const struct http_date *date,
                                   char *out, size_t *len);

const char *http_status_reason(unsigned status); // "" for one without a name
