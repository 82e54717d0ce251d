#pragma once

// What a request is taken for, from the request alone.

#include "base/hit.h"
#include "tracker/agents.h"
#include "tracker/heads.h"

struct classification {
    enum hit_class class;
    enum hit_reason reason;
};

// navigation: the request is one that a person makes by following a link (a click), so that a browser which
// says it loads an image, a frame or a script does not count.
struct classification classify(const struct agents *agents, enum http_method method,
                               const struct heads *heads, bool navigation);
