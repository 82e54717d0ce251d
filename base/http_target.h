#pragma once

// The parts of a request line and of Host that have a grammar of their own (RFC 9112, 3; RFC 3986, 3.2).
// Pure.

#include "base/http_request.h"

enum http_method http_method_of(struct slice name);

// "name", "name:port", "[v6]", "[v6]:port". Not empty, no user info; a name is what DNS and hosts files know.
bool http_host_is_valid(struct slice host);

// Takes apart a target of HTTP_CHAR_TARGET characters: origin form, absolute form (http, https), and "*" for
// OPTIONS only (the path is then "*"). *host stays as it is but for the absolute form. false: malformed.
must_check bool http_target_split(struct slice target, enum http_method method, struct slice *host,
                                  struct slice *path, struct slice *query);
