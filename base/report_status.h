#pragma once

// What a shop means by the status of a report.

#include "base/report.h"

// Puts our word (pending, approved, declined, refunded) in place of the shop's; absent means pending. 0, or
// why not: HIT_REASON_STATUS_UNKNOWN, HIT_REASON_STATUS_IGNORED (the shop's word stays),
// HIT_REASON_UTF8_INVALID (of the query).
enum hit_reason report_status_read(const struct report_input *input, struct scratch *scratch,
                                   struct slice *status);
