#pragma once

// From a path to its endpoint.

#include "tracker/endpoints.h"

// A http_handler; ctx is the worker's struct context.
void routes_answer(void *ctx, struct http_conn *conn, const struct http_request *request);
