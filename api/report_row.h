#pragma once

// A row of an upload of conversions: the report that it would be as a postback, checked by the same code.

#include "base/json.h"

// What the function upload_take() wants of the row, as members of `out`; or why it is refused, in words.
// Pure. `currency` is the programme's.
const char *report_row_read(struct slice object, struct slice currency, struct json *out);
