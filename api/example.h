#pragma once

// A value of each parameter, for the description of the API: one that its field lets through.

#include "api/route.h"
#include "base/json.h"

// NULL: no memory, or the table has none (asserted by tests/unit/test_openapi.c). Pure.
struct json *example_of(const struct field *field);

// An object of the route's needed members of the body.
struct json *example_body(const struct route *route);
