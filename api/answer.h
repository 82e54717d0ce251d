#pragma once

// Answers of the API: their headers, their error bodies, and what a failed job means in HTTP.

#include "api/fault.h"
#include "api/route.h"
#include "base/http_stream.h"
#include "base/pg_pool.h"

void answer_json(struct http_conn *conn, unsigned status, struct slice body);
void answer_json_cookie(struct http_conn *conn, unsigned status, struct slice cookie, struct slice body);

// An image that everybody may see, for ever, as nothing else than an image. `made` is {"media_type",
// "content"}, the latter in base64.
void answer_image(struct http_conn *conn, struct slice made);

// {"error": {"code", "message"}}, with WWW-Authenticate for 401 and Retry-After for 429 and 503
// (fault->retry_ms, else a second).
void answer_fault(struct http_conn *conn, const struct fault *fault);

// The head of a list as CSV: a file, named after the last word of the route's path.
must_check int answer_csv_begin(struct http_conn *conn, const struct route *route);

// 204 with Allow: what OPTIONS asks. `allowed` as below.
void answer_options(struct http_conn *conn, unsigned allowed);

// 405 with Allow; `allowed` is a bit set of enum http_method.
void answer_not_allowed(struct http_conn *conn, const struct fault *fault, unsigned allowed);

// 0 if the job is done, else the fault is set. SQLSTATE CL<status>: as api_fail() raised it; values that the
// database refuses: 422; a missing right: 403; overload and shutdown: 503; all else: 500. Pure.
must_check int fault_of_job(const struct pg_job_result *result, struct fault *fault);

// The error body as text, for free(); NULL: no memory. Pure.
char *fault_print(const struct fault *fault);
