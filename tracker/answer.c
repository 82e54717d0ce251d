// Answers of the tracker. Nothing here depends on what was asked but Location, Set-Cookie and JSON bodies,
// which are checked once more by base/http_response.

#include "tracker/answer.h"

static const char pixel[43] =
    "GIF89a\1\0\1\0\200\0\0\0\0\0\377\377\377!\371\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";

#define HEADER(name, value)                                                                                  \
    {                                                                                                        \
        {name, sizeof(name) - 1},                                                                            \
        {                                                                                                    \
            value, sizeof(value) - 1                                                                         \
        }                                                                                                    \
    }

static const struct http_header redirect_headers[] = {
    HEADER("Cache-Control", "private, no-store"),
};

// Pages with a strict embedder policy may load us too.
static const struct http_header pixel_headers[] = {
    HEADER("Content-Type", "image/gif"),
    HEADER("Cache-Control", "private, no-store"),
    HEADER("Cross-Origin-Resource-Policy", "cross-origin"),
};

static const struct http_header script_headers[] = {
    HEADER("Content-Type", "text/javascript; charset=utf-8"),
    HEADER("Cache-Control", "public, max-age=3600"),
    HEADER("Vary", "Accept-Encoding"),
    HEADER("Cross-Origin-Resource-Policy", "cross-origin"),
    HEADER("X-Content-Type-Options", "nosniff"),
};

static const struct http_header text_headers[] = {
    HEADER("Content-Type", "text/plain; charset=utf-8"),
    HEADER("Cache-Control", "private, no-store"),
    HEADER("X-Content-Type-Options", "nosniff"),
};

static const struct http_header json_headers[] = {
    HEADER("Content-Type", "application/json"),
    HEADER("Cache-Control", "private, no-store"),
    HEADER("X-Content-Type-Options", "nosniff"),
};

int answers_init(struct answers *answers)
{
    int r = http_preset_init(&answers->redirect, 302, redirect_headers, array_length(redirect_headers));

    if (r == 0)
        r = http_preset_init(&answers->pixel, 200, pixel_headers, array_length(pixel_headers));
    return r;
}

void answer_redirect(const struct answers *answers, struct http_conn *conn, struct slice location,
                     struct slice cookie)
{
    const struct http_header headers[] = {{SLICE("Location"), location}, {SLICE("Set-Cookie"), cookie}};

    http_respond_preset(conn, &answers->redirect, headers, cookie.data ? 2 : 1, SLICE_NONE);
}

void answer_pixel(const struct answers *answers, struct http_conn *conn, struct slice cookie)
{
    const struct http_header headers[] = {{SLICE("Set-Cookie"), cookie}};

    http_respond_preset(conn, &answers->pixel, headers, cookie.data ? 1 : 0,
                        (struct slice){pixel, sizeof(pixel)});
}

void answer_script(struct http_conn *conn, unsigned status, struct slice etag, bool gzip, struct slice script)
{
    struct http_header headers[array_length(script_headers) + 2];
    size_t n = array_length(script_headers);

    memcpy(headers, script_headers, sizeof(script_headers));
    headers[n++] = (struct http_header){SLICE("ETag"), etag};
    if (gzip)
        headers[n++] = (struct http_header){SLICE("Content-Encoding"), SLICE("gzip")};
    http_respond(conn, status, headers, n, script);
}

void answer_text(struct http_conn *conn, unsigned status, const char *text)
{
    http_respond(conn, status, text_headers, array_length(text_headers), slice_of(text));
}

void answer_json(struct http_conn *conn, unsigned status, struct slice json)
{
    struct http_header headers[array_length(json_headers) + 1];
    size_t n = array_length(json_headers);

    memcpy(headers, json_headers, sizeof(json_headers));
    if (status == 503)
        headers[n++] = (struct http_header){SLICE("Retry-After"), SLICE("1")};
    http_respond(conn, status, headers, n, json);
}

void answer_method(struct http_conn *conn, const char *allow)
{
    struct http_header headers[array_length(text_headers) + 1];

    memcpy(headers, text_headers, sizeof(text_headers));
    headers[array_length(text_headers)] = (struct http_header){SLICE("Allow"), slice_of(allow)};
    http_respond(conn, 405, headers, array_length(headers), SLICE("This method is not offered here.\n"));
}
