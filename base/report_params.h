#pragma once

// The parameters of a conversion report, from its query and its body, into the fields of a hit.

#include "base/report.h"

// Texts as sent: click_id, event_time and lines (JSON) stand in their fields until they are read. The first
// fault is noted.
void report_params_read(const struct report_input *input, struct scratch *scratch,
                        struct slice field[HIT_FIELD_COUNT], enum hit_reason *fault);
