#pragma once

// Query strings and application/x-www-form-urlencoded bodies: "a=1&b=%20". Pure. What is decoded may hold any
// byte, NUL and invalid UTF-8 included: the caller checks.

#include <sys/types.h>

#include "base/slice.h"
#include "base/util.h"

enum {
    QUERY_PARAMS_MAX = 256, // per query; iteration ends with QUERY_TOO_MANY behind it
    QUERY_END = 1,
    QUERY_TOO_MANY = 2,
    QUERY_BAD_ESCAPE = 3, // '%' without two hex digits
};

struct query {
    struct slice rest;
    unsigned n;
};

struct query_param {
    struct slice name;  // still encoded
    struct slice value; // still encoded; empty without '=', then .data is NULL
};

void query_start(struct query *query, struct slice text);

// 0 and the next parameter, QUERY_END or QUERY_TOO_MANY. Empty parameters ("&&") are skipped.
must_check int query_next(struct query *query, struct query_param *param);

// Decodes '%XX' and '+' (as a space) into out. 0 and *len, QUERY_BAD_ESCAPE, or -ENOSPC. out may be
// text.data.
must_check int query_decode(struct slice text, char *out, size_t out_bytes, size_t *len);

// The same for a path segment: '+' stays.
must_check int query_decode_path(struct slice text, char *out, size_t out_bytes, size_t *len);

// The first parameter whose decoded name is `name` (case-sensitive). 0 and its encoded value, QUERY_END, or
// QUERY_TOO_MANY.
must_check int query_find(struct slice text, struct slice name, struct slice *value);

// Appends text to out[*len..out_bytes), all but RFC 3986 unreserved characters as '%XX'. 0, or -ENOSPC and
// nothing is appended.
must_check int query_encode(struct slice text, char *out, size_t out_bytes, size_t *len);
