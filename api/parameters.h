#pragma once

// The parameters of a request, from path, query and body, checked by the route's fields. Pure.

#include "api/fault.h"
#include "api/route.h"
#include "base/json.h"

enum parameters_condition {
    PARAMETERS_REFUSED = 1, // see the fault: 400, 415 or 422
};

// Whether the answer is to be CSV.
bool parameters_ask_csv(const struct json *params);

// One object for the SQL function, to be freed. 0, PARAMETERS_REFUSED or -ENOMEM.
must_check int parameters_read(const struct route_match *match, const struct http_request *request,
                               struct json **out, struct fault *fault);
