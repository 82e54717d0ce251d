#pragma once

// What a request is taken for, from the request alone.

#include "base/sender_class.h"
#include "tracker/facts.h"

// navigation: the request is one that a person makes by following a link (a click), so that a browser which
// says it loads an image, a frame or a script does not count.
struct classification classify(enum http_method method, const struct heads *heads, const struct facts *facts,
                               bool navigation);
