#pragma once

// One function per endpoint. `name` is what the path names: slug, code, programme or key, still
// percent-encoded.

#include "tracker/context.h"

typedef void endpoint(struct context *context, struct http_conn *conn, const struct http_request *request,
                      struct slice name);

endpoint click_link_answer;       // /c/{slug}
endpoint click_promo_answer;      // /p/{code}
endpoint pixel_impression_answer; // /i/{slug}.gif
endpoint pixel_visit_answer;      // /v/{programme}.gif
endpoint pixel_promo_answer;      // /promo/{programme}.gif
endpoint report_postback_answer;  // /postback/{key}
endpoint report_pixel_answer;     // /conv/{programme}.gif
endpoint tag_answer;              // /t.js
