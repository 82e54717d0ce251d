#pragma once

// The head of an answer, as far as load needs it. Pure.

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "base/util.h"

enum reply_condition {
    REPLY_MORE = 1,      // the head has not ended yet
    REPLY_MALFORMED = 2, // not HTTP/1.x
};

struct reply {
    unsigned status;
    size_t head_bytes, body_bytes; // the body is what Content-Length says
    bool last;               // the connection is of no more use: it ends, or where the body ends is not said
    struct slice set_cookie; // value of the last Set-Cookie, or SLICE_NONE
    struct slice click_id;   // 36 characters of Location's click_id parameter, or SLICE_NONE
};

// 0 or an enum reply_condition. Slices point into the input.
must_check int reply_parse(struct slice input, struct reply *reply);
