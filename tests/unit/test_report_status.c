// What status words mean: the URL first, then the integration, then the synonyms.

#include "base/report_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch scratch;

// {"1": "approved", "3": "declined", "Test": "ignore", "paid": "refunded", "\u043e\u043a": "approved"}
static const struct catalog_integration integration = {
    .integration_id = 1,
    .statuses = {"\0\1"
                 "1\0\10approved\0\1"
                 "3\0\10declined\0\4Test\0\6ignore\0\4paid\0\10refunded\0\4\xd0\xbe\xd0\xba\0\10approved",
                 72},
};

static void words_test(void **state)
{
    static const struct {
        const char *query, *status, *want;
        enum hit_reason reason;
    } cases[] = {
        {"", NULL, "pending", HIT_REASON_NONE},
        {"", "approved", "approved", HIT_REASON_NONE},
        {"", "1", "approved", HIT_REASON_NONE},
        {"", "3", "declined", HIT_REASON_NONE},
        {"", "2", "2", HIT_REASON_STATUS_UNKNOWN},
        {"", "PAID", "refunded", HIT_REASON_NONE}, // the shop's meaning, not ours
        {"", "test", "test", HIT_REASON_STATUS_IGNORED},
        {"", "\xd0\xbe\xd0\xba", "approved", HIT_REASON_NONE},
        {"sale_status=billed,paid&lead_status=reg", "billed", "approved", HIT_REASON_NONE},
        {"sale_status=billed,paid&lead_status=reg", "paid", "approved",
         HIT_REASON_NONE}, // the URL beats both
        {"sale_status=billed,%20Paid%20&lead_status=reg", "PAID", "approved", HIT_REASON_NONE},
        {"sale_status=billed%2Cpaid&lead_status=reg", "reg", "pending", HIT_REASON_NONE},
        {"ignore_status=ping,1", "1", "1", HIT_REASON_STATUS_IGNORED},
        {"rejected_status=trash", "trash", "declined", HIT_REASON_NONE},
        {"refunded_status=back&declined_status=no", "back", "refunded", HIT_REASON_NONE},
        {"sale_status=new&lead_status=new", "new", "approved", HIT_REASON_NONE}, // the first list counts
        {"sale_status=", "", "", HIT_REASON_STATUS_UNKNOWN},
        {"sale_status=,,&status=x", "x", "x", HIT_REASON_STATUS_UNKNOWN},
        {"sale_status=%zz", "x", "x", HIT_REASON_UTF8_INVALID},
        {"other_status=x", "x", "x", HIT_REASON_STATUS_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        const struct report_input input = {.query = slice_of(cases[i].query), .integration = &integration};
        struct slice status = cases[i].status ? slice_of(cases[i].status) : SLICE_NONE;
        scratch_reset(&scratch);
        enum hit_reason reason = report_status_read(&input, &scratch, &status);
        if (reason != cases[i].reason || !slice_equal(status, slice_of(cases[i].want)))
            fail_msg("case %zu: %s", i, hit_reason_name(reason));
    }
}

// A visitor can write any URL of a pixel.
static void pixel_test(void **state)
{
    const struct report_input input = {.query = SLICE("sale_status=mine&ignore_status=sale")};
    struct slice mine = SLICE("mine"), sale = SLICE("sale");

    (void)state;
    assert_int_equal(report_status_read(&input, &scratch, &mine), HIT_REASON_STATUS_UNKNOWN);
    assert_int_equal(report_status_read(&input, &scratch, &sale), HIT_REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_test), cmocka_unit_test(pixel_test)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
