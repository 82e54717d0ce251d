// From a row of PostgreSQL to a policy. Owner: whoever asked for it.

#include "attrib/policy_row.h"

#include <errno.h>

enum policy_column {
    POLICY_MODEL,
    POLICY_FIRST,
    POLICY_LAST,
    POLICY_HALF_LIFE,
    POLICY_PRECEDENCE,
    POLICY_CODE,
    POLICY_WINDOWS,
    POLICY_TOUCHES = POLICY_WINDOWS + TOUCH_KINDS,
};

int policy_read(const struct pg_result *rows, size_t row, size_t column, struct attribution_policy *out)
{
    *out = (struct attribution_policy){
        .model = {.kind = model_find(pg_result_cell(rows, row, column + POLICY_MODEL)),
                  .first_ppm = (uint32_t)pg_result_int(rows, row, column + POLICY_FIRST),
                  .last_ppm = (uint32_t)pg_result_int(rows, row, column + POLICY_LAST),
                  .half_life_us = pg_result_int(rows, row, column + POLICY_HALF_LIFE)},
        .precedence = touch_precedence_find(pg_result_cell(rows, row, column + POLICY_PRECEDENCE)),
        .code_ppm = (uint32_t)pg_result_int(rows, row, column + POLICY_CODE),
        .touches_max = (unsigned)pg_result_int(rows, row, column + POLICY_TOUCHES),
    };
    for (size_t kind = 0; kind < TOUCH_KINDS; kind++)
        out->window_us[kind] = pg_result_int(rows, row, column + POLICY_WINDOWS + kind);
    return out->model.kind < MODEL_KINDS && out->precedence < PRECEDENCES && out->touches_max >= 1 &&
                   out->touches_max <= MODEL_TOUCHES_MAX
               ? 0
               : -EBADMSG;
}
