#pragma once

// A policy as attribution_scope() and policy_list() give it: eleven columns from `column` on.

#include "attrib/attribution.h"
#include "base/pg.h"

// 0, or -EBADMSG for what no policy is.
must_check int policy_read(const struct pg_result *rows, size_t row, size_t column,
                           struct attribution_policy *out);
