#pragma once

// The head of a request (RFC 9112, sections 2-7), strictly and incrementally. Pure: no allocation, no clock,
// no socket. The caller owns the bytes and the header array; all results are slices into those bytes.

#include "base/http_request.h"

enum http_parse {
    HTTP_PARSE_DONE = 0,
    HTTP_PARSE_MORE, // well-formed so far
    HTTP_PARSE_BAD,  // see the fault; nothing behind it can be trusted
};

// Why a request was refused. Each has one status, see http_fault_status().
enum http_fault {
    HTTP_FAULT_NONE,
    HTTP_FAULT_LINE,           // 400 request line: method, white space, version syntax
    HTTP_FAULT_TARGET,         // 400 target: characters, form, fragment, authority
    HTTP_FAULT_LINE_END,       // 400 bare CR or LF
    HTTP_FAULT_HEADER,         // 400 field name, obs-fold, control character
    HTTP_FAULT_HOST,           // 400 missing, repeated or malformed Host
    HTTP_FAULT_FRAMING,        // 400 Content-Length, Transfer-Encoding
    HTTP_FAULT_CHUNK,          // 400 chunk size, extension, trailer
    HTTP_FAULT_HEADER_TIMEOUT, // 408
    HTTP_FAULT_BODY_TIMEOUT,   // 408
    HTTP_FAULT_BODY_LARGE,     // 413
    HTTP_FAULT_LINE_LARGE,     // 414
    HTTP_FAULT_EXPECTATION,    // 417
    HTTP_FAULT_HEADERS_LARGE,  // 431 bytes or number
    HTTP_FAULT_CODING,         // 501 a known transfer coding that is not offered
    HTTP_FAULT_VERSION,        // 505
    HTTP_FAULTS,
};

enum http_framing {
    HTTP_FRAMING_NONE,
    HTTP_FRAMING_LENGTH,
    HTTP_FRAMING_CHUNKED,
};

struct http_head_limits {
    size_t line_bytes_max;    // request line with its CRLF
    size_t headers_bytes_max; // all fields with their CRLFs
    size_t headers_max;       // length of request.headers
};

// Set request.headers to an array of limits.headers_max before http_head_start().
struct http_head {
    struct http_request request; // body and peer are not the parser's
    enum http_fault fault;
    enum http_framing framing;
    uint64_t content_length; // bytes; only for HTTP_FRAMING_LENGTH
    bool keep_alive;
    bool expect_continue;
    bool options_star; // "OPTIONS *"; the path is "*"
    size_t parsed;     // bytes of complete lines so far; on DONE: length of the head
    // Private.
    size_t line_bytes;
    bool has_line, has_host, has_length, has_coding, wants_close, wants_keep_alive;
};

void http_head_start(struct http_head *head);

// data is the beginning of the request, all of it that has arrived; it may move between calls if
// http_head_move() is told. Complete lines are not looked at twice.
must_check enum http_parse http_head_parse(struct http_head *head, const struct http_head_limits *limits,
                                           const char *data, size_t len);

// The bytes that were at `from` are now at `to`. Call while `from` is still allocated.
void http_head_move(struct http_head *head, const char *from, const char *to);

unsigned http_fault_status(enum http_fault fault);
const char *http_fault_name(enum http_fault fault); // for metrics: "line", "target", ...
