#pragma once

// One HTTP/1.1 request as the handler sees it: slices into the connection's input buffer. They stay valid
// until the request is answered (and, while it is held, until it is released); who needs them longer copies.

#include <netinet/in.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER, // a well-formed token that is none of the above: see method_name
};

struct http_header {
    struct slice name;
    struct slice value; // without surrounding white space; no control characters, may hold bytes >= 0x80
};

// An IPv4 address is kept in its IPv6 form (::ffff:a.b.c.d). All zero: a unix socket.
struct http_peer {
    struct in6_addr address;
    uint16_t port;
};

struct http_request {
    enum http_method method;
    unsigned minor;           // of the HTTP version: 0 or 1
    struct slice method_name; // case-sensitive
    struct slice path;        // as sent, percent-encoded; begins with '/'
    struct slice query;       // behind the first '?'; .data is NULL where there is no '?'
    struct slice
        host; // checked form "name[:port]"; from an absolute target, else from Host; may be empty in 1.0
    struct slice body; // decoded, whole; empty if it is streamed
    bool body_streams; // it follows through http_stream_events.body
    struct http_header *headers;
    size_t n_headers;
    struct http_peer peer;
};

// The value of the first header of this name (any case), SLICE_NONE if there is none.
struct slice http_request_header(const struct http_request *request, struct slice name);

// How many headers have this name.
size_t http_request_header_count(const struct http_request *request, struct slice name);
