#pragma once

// One parameter: is it what its field allows, and as what does it go to the database. Pure.

#include "api/fault.h"
#include "api/route.h"
#include "base/json.h"

enum field_condition {
    FIELD_REFUSED = 1, // see the fault: 422 with the field's name as code
};

// From the decoded text of a path segment or a query parameter. 0 and *out (to be freed), FIELD_REFUSED,
// -ENOMEM.
must_check int field_from_text(const struct field *field, struct slice text, struct json **out,
                               struct fault *fault);

// From a member of the body; null is itself where the field is clearable, else it counts as not given (then *out
// is NULL).
must_check int field_from_json(const struct field *field, const struct json *json, struct json **out,
                               struct fault *fault);
