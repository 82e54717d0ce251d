// Questions to the password process wait in a queue that has an end, and each is answered, also when there is
// no more time for it. What the process does is seen in tests/system/test_login.py.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <event2/event.h>

#include "api/password.h"

static void count_end(void *ctx, const struct password_answer *answer)
{
    unsigned *ended = ctx;
    assert_null(answer);
    ++*ended;
}

static void more_than_may_wait_are_refused(void **state)
{
    const struct password_work work = {.hash = PASSWORD_HASH_OF_NOBODY, .given = SLICE("correct horse")};
    struct event_base *base = event_base_new();
    struct password_service *service = password_service_new(base);
    unsigned ended = 0;
    (void)state;
    for (unsigned i = 0; i < PASSWORD_WAITING_MAX; i++)
        assert_int_equal(password_ask(service, &work, count_end, &ended), 0);
    assert_int_equal(password_ask(service, &work, count_end, &ended), PASSWORD_FULL);
    assert_int_equal(ended, 0);
    assert_null(password_service_free(service));
    assert_int_equal(ended, PASSWORD_WAITING_MAX);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_may_wait_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
