// What becomes of stored hits when the lists say something else of their senders.

#include "ingest/reclass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"

#define HUMAN   HIT_CLASS_HUMAN
#define BOT     HIT_CLASS_BOT
#define PREVIEW HIT_CLASS_PREVIEW
#define INVALID HIT_CLASS_INVALID

static void test_decisions(void **state)
{
    static const struct {
        enum hit_class was;
        const char *reason;
        enum hit_class agent;
        bool datacentre, changes;
        enum hit_class now;
        enum hit_reason because;
    } cases[] = {
        {HUMAN, "none", HUMAN, false, false, HUMAN, HIT_REASON_NONE},
        {HUMAN, "none", BOT, false, true, BOT, HIT_REASON_UA_BOT},
        {HUMAN, "none", PREVIEW, true, true, PREVIEW, HIT_REASON_UA_PREVIEW},
        {HUMAN, "none", HUMAN, true, true, BOT, HIT_REASON_ASN_DATACENTRE},
        {HIT_CLASS_DUPLICATE, "same_visitor", HUMAN, false, false, HUMAN, HIT_REASON_NONE},
        {HIT_CLASS_DUPLICATE, "same_address", BOT, false, true, BOT, HIT_REASON_UA_BOT},
        {BOT, "ua_bot", BOT, false, false, BOT, HIT_REASON_UA_BOT},
        {BOT, "ua_bot", BOT, true, false, BOT, HIT_REASON_UA_BOT},
        {BOT, "ua_bot", HUMAN, false, true, HUMAN, HIT_REASON_NONE},
        {BOT, "ua_bot", HUMAN, true, true, BOT, HIT_REASON_ASN_DATACENTRE},
        {BOT, "asn_datacentre", HUMAN, true, false, BOT, HIT_REASON_ASN_DATACENTRE},
        {BOT, "asn_datacentre", HUMAN, false, true, HUMAN, HIT_REASON_NONE},
        {BOT, "asn_datacentre", BOT, true, true, BOT, HIT_REASON_UA_BOT},
        {PREVIEW, "ua_preview", HUMAN, false, true, HUMAN, HIT_REASON_NONE},
        {PREVIEW, "ua_preview", BOT, false, true, BOT, HIT_REASON_UA_BOT},
        {INVALID, "sec_fetch_dest", HUMAN, false, false, HUMAN, HIT_REASON_NONE},
        {INVALID, "sec_fetch_dest", BOT, false, true, BOT, HIT_REASON_UA_BOT},
        {INVALID, "link_expired", HUMAN, false, false, HUMAN, HIT_REASON_NONE},
        {INVALID, "link_expired", HUMAN, true, true, BOT, HIT_REASON_ASN_DATACENTRE},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct classification now;
        bool changes = reclass_decide(cases[i].was, slice_of(cases[i].reason), cases[i].agent,
                                      cases[i].datacentre, &now);
        if (changes != cases[i].changes || now.class != cases[i].now || now.reason != cases[i].because)
            fail_msg("case %zu: %d, %s, %s", i, changes, hit_class_name(now.class),
                     hit_reason_name(now.reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
