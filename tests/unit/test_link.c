// When a link is open, to the millisecond, and which reason comes first.

#include "tracker/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_link_is_judged_at_the_click(void **state)
{
    static const struct catalog_program active = {.id = 1, .active = true}, paused = {.id = 1};
    static const struct {
        struct catalog_link link;
        const struct catalog_program *program;
        uint64_t now_ms;
        enum hit_reason reason;
    } cases[] = {
        {{.active = true}, &active, 5, HIT_REASON_NONE},
        {{.active = false}, &active, 5, HIT_REASON_LINK_INACTIVE},
        {{.active = true}, &paused, 5, HIT_REASON_LINK_INACTIVE},
        {{.active = true}, NULL, 5, HIT_REASON_LINK_INACTIVE},
        {{.active = true, .starts_ms = 5}, &active, 4, HIT_REASON_LINK_NOT_STARTED},
        {{.active = true, .starts_ms = 5}, &active, 5, HIT_REASON_NONE},
        {{.active = true, .expires_ms = 5}, &active, 4, HIT_REASON_NONE},
        {{.active = true, .expires_ms = 5}, &active, 5, HIT_REASON_LINK_EXPIRED},
        {{.active = true, .exhausted = true}, &active, 5, HIT_REASON_LINK_EXHAUSTED},
        {{.active = true, .exhausted = true, .expires_ms = 5}, &active, 5, HIT_REASON_LINK_EXPIRED},
        {{.active = false, .starts_ms = 9, .exhausted = true}, &active, 5, HIT_REASON_LINK_INACTIVE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (link_closed(&cases[i].link, cases[i].program, cases[i].now_ms) != cases[i].reason)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_link_is_judged_at_the_click)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
