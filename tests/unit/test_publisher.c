// What the publisher does about a difference between PostgreSQL and Redis.

#include "ingest/publisher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
    const char *what;
    bool base;
    const char *epoch;
    uint64_t base_revision, newest, entries, revision;
    enum publisher_action action;
} cases[] = {
    {"both are new", false, "", 0, 0, 0, 0, PUBLISHER_REPLACE},
    {"Redis was emptied", false, "", 0, 0, 0, 80, PUBLISHER_REPLACE},
    {"somebody died between taking away and putting", false, "", 0, 80, 30, 80, PUBLISHER_REPLACE},
    {"equal", true, "ours", 50, 80, 30, 80, PUBLISHER_NOTHING},
    {"equal, nothing since the image", true, "ours", 80, 80, 0, 80, PUBLISHER_NOTHING},
    {"committed, not appended", true, "ours", 50, 80, 30, 81, PUBLISHER_APPEND},
    {"Redis lost its tail", true, "ours", 50, 70, 20, 80, PUBLISHER_APPEND},
    {"the log is as long as it may be", true, "ours", 1, 25001, 25000, 25001, PUBLISHER_NOTHING},
    {"the log is too long", true, "ours", 1, 25002, 25001, 25002, PUBLISHER_REBUILD},
    {"as many to append as the log may hold", true, "ours", 1, 1, 0, 25001, PUBLISHER_APPEND},
    {"too many to append", true, "ours", 1, 1, 0, 25002, PUBLISHER_REBUILD},
    {"PostgreSQL was put back", true, "ours", 50, 100, 50, 80, PUBLISHER_REPLACE},
    {"PostgreSQL was put back before the image", true, "ours", 100, 100, 0, 80, PUBLISHER_REPLACE},
    {"another installation's", true, "theirs", 50, 80, 30, 80, PUBLISHER_REPLACE},
    {"an image without an epoch", true, "", 50, 80, 30, 80, PUBLISHER_REPLACE},
};

static void a_difference_has_one_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct catalog_source source = {.epoch = "ours", .revision = cases[i].revision};
        struct publication publication = {.base = cases[i].base,
                                          .base_revision = cases[i].base_revision,
                                          .newest = cases[i].newest,
                                          .entries = cases[i].entries};
        (void)snprintf(publication.epoch, sizeof(publication.epoch), "%s", cases[i].epoch);
        if (publisher_decide(&source, &publication) != cases[i].action)
            fail_msg("%s: %d", cases[i].what, (int)publisher_decide(&source, &publication));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_difference_has_one_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
