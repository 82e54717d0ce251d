// What the end of a job means in HTTP, and how a refusal is written.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdint.h>
#include <stdlib.h>

#include "api/answer.h"

static void jobs_become_statuses(void **state)
{
    static const struct {
        struct pg_job_result result;
        unsigned status; // 0: good
        const char *code;
    } cases[] = {
        {{PG_JOB_DONE, {"{}", 2}, "", "", "", ""}, 0, ""},
        {{PG_JOB_DONE, {NULL, 0}, "", "", "", ""}, 500, "internal"},
        {{PG_JOB_LOST, {NULL, 0}, "", "gone", "", ""}, 503, "unknown_outcome"},
        {{PG_JOB_UNSENT, {NULL, 0}, "", "gone", "", ""}, 503, "unavailable"},
        {{PG_JOB_REFUSED, {NULL, 0}, "CL404", "there is none", "not_found", ""}, 404, "not_found"},
        {{PG_JOB_REFUSED, {NULL, 0}, "CL422", "bad", "slug", ""}, 422, "slug"},
        {{PG_JOB_REFUSED, {NULL, 0}, "CL200", "no", "x", ""}, 500, "internal"},
        {{PG_JOB_REFUSED, {NULL, 0}, "CLxyz", "no", "x", ""}, 500, "internal"},
        {{PG_JOB_REFUSED, {NULL, 0}, "22003", "out of range", "", ""}, 422, "value"},
        {{PG_JOB_REFUSED, {NULL, 0}, "23514", "check", "", "boris has it"}, 422, "value"},
        {{PG_JOB_REFUSED, {NULL, 0}, "42501", "row security", "", ""}, 403, "forbidden"},
        {{PG_JOB_REFUSED, {NULL, 0}, "57014", "timeout", "", ""}, 503, "unavailable"},
        {{PG_JOB_REFUSED, {NULL, 0}, "40P01", "deadlock", "", ""}, 503, "unavailable"},
        {{PG_JOB_REFUSED, {NULL, 0}, "55P03", "lock", "", ""}, 503, "unavailable"},
        {{PG_JOB_REFUSED, {NULL, 0}, "42P01", "no table secret_name", "", ""}, 500, "internal"},
        {{PG_JOB_REFUSED, {NULL, 0}, "P0001", "raised", "", ""}, 500, "internal"},
        {{PG_JOB_REFUSED, {NULL, 0}, "", "", "", ""}, 500, "internal"},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct fault fault = {0};
        assert_int_equal(fault_of_job(&cases[i].result, &fault) != 0, cases[i].status != 0);
        assert_int_equal(fault.status, cases[i].status);
        assert_string_equal(fault.code, cases[i].code);
        if (strncmp(cases[i].result.sqlstate, "CL4", 3) != 0 && cases[i].result.message[0])
            assert_null(strstr(fault.message, cases[i].result.message)); // stays in the log
    }
}

static void refusals_are_json(void **state)
{
    static const struct {
        const char *message, *expected;
    } cases[] = {
        {"plain", "{\"error\":{\"code\":\"c\",\"message\":\"plain\"}}"},
        {"a \"quote\" \\ <svg>", "{\"error\":{\"code\":\"c\",\"message\":\"a \\\"quote\\\" \\\\ <svg>\"}}"},
        {"\xff", "{\"error\":{\"code\":\"c\",\"message\":\"\xef\xbf\xbd\"}}"},
        {"%s", "{\"error\":{\"code\":\"c\",\"message\":\"%s\"}}"},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct fault fault;
        assert_int_equal(fault_set(&fault, 422, "c", "%s", cases[i].message), 1);
        char *text = fault_print(&fault);
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_become_statuses),
        cmocka_unit_test(refusals_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
