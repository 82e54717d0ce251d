#pragma once

// A request as the server would hand it over, from its text.

#include <assert.h>
#include <stdio.h>

#include "base/http_parse.h"

#define REQUEST_HEADERS_MAX 64

struct request_of {
    char text[16384];
    struct http_header headers[REQUEST_HEADERS_MAX];
    struct http_head head;
};

// `headers`: whole lines, each with its "\r\n".
static inline const struct http_request *request_of(struct request_of *r, const char *method,
                                                    const char *target, const char *headers)
{
    const struct http_head_limits limits = {8192, 16384, REQUEST_HEADERS_MAX};
    int len = snprintf(r->text, sizeof(r->text), "%s %s HTTP/1.1\r\nHost: t.example\r\n%s\r\n", method,
                       target, headers);

    assert(len > 0 && (size_t)len < sizeof(r->text));
    r->head.request = (struct http_request){.headers = r->headers};
    http_head_start(&r->head);
    enum http_parse parsed = http_head_parse(&r->head, &limits, r->text, (size_t)len);
    assert(parsed == HTTP_PARSE_DONE);
    return &r->head.request;
}
