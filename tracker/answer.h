#pragma once

// The answers that the endpoints give. Their fixed parts are laid out once, at start.

#include "base/http_server.h"

struct answers {
    struct http_preset redirect, pixel;
};

// 0, or HTTP_RESPONSE_UNSAFE or -ENOSPC when a fixed header is wrong.
must_check int answers_init(struct answers *answers);

// 302. `cookie` is the value of Set-Cookie, SLICE_NONE for none.
void answer_redirect(const struct answers *answers, struct http_conn *conn, struct slice location,
                     struct slice cookie);

// The transparent GIF of 43 bytes.
void answer_pixel(const struct answers *answers, struct http_conn *conn, struct slice cookie);

// The tag's script: 200, or 304 for who has it already.
void answer_script(struct http_conn *conn, unsigned status, struct slice etag, bool gzip,
                   struct slice script);

void answer_text(struct http_conn *conn, unsigned status, const char *text);
void answer_json(struct http_conn *conn, unsigned status, struct slice json);

// 405 with Allow.
void answer_method(struct http_conn *conn, const char *allow);
