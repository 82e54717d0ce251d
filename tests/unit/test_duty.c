// The division of shards: quotas, keeping, trying.

#include "ingest/duty.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"

// One letter a shard: o ours, t another's, - without an owner; r ours and not wanted, x not wanted.
// Answer: 1 assigned.
static const struct {
    const char *shards;
    unsigned members, place;
    const char *assigned;
} cases[] = {
    {"----", 1, 0, "1111"},     {"----", 2, 0, "1100"},     {"----", 2, 1, "0011"},
    {"oooo", 2, 0, "1100"},     {"oooo", 2, 1, "1100"},     {"tt--", 2, 1, "0011"},
    {"tttt", 2, 1, "0000"},     {"-----", 2, 0, "11100"},   {"-----", 2, 1, "00110"},
    {"oootto", 3, 1, "110000"}, {"-t-t-o", 3, 2, "000011"}, {"r-", 1, 0, "01"},
    {"xx", 1, 0, "00"},         {"-", 3, 2, "0"},           {"-", 3, 0, "1"},
    {"rt", 2, 1, "00"},         {"o", 0, 0, "1"},           {"", 2, 1, ""},
};

static void cases_are_divided(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct duty_entry entries[8];
        size_t n = strlen(cases[i].shards);
        for (size_t s = 0; s < n; s++) {
            char c = cases[i].shards[s];
            entries[s] = (struct duty_entry){.shard = (unsigned)s,
                                             .wanted = c != 'r' && c != 'x',
                                             .owned = c == 'o' || c == 't' || c == 'r',
                                             .ours = c == 'o' || c == 'r'};
        }
        duty_assign(entries, n, cases[i].members, cases[i].place);
        for (size_t s = 0; s < n; s++) {
            if (entries[s].assigned != (cases[i].assigned[s] == '1'))
                fail_msg("case %zu '%s' shard %zu: %d", i, cases[i].shards, s, entries[s].assigned);
        }
    }
}

#define SHARDS  13
#define MEMBERS 5

// Members look one after the other, come and go: soon every shard has one owner, and nobody more than his
// part.
static void members_agree(void **state)
{
    int owner[SHARDS];

    (void)state;
    memset(owner, -1, sizeof(owner));
    for (unsigned members = 1; members <= MEMBERS; members++) {
        for (unsigned look = 0; look < 3 * MEMBERS; look++) {
            unsigned me = look % members;
            struct duty_entry entries[SHARDS];
            for (unsigned s = 0; s < SHARDS; s++)
                entries[s] = (struct duty_entry){s, true, owner[s] >= 0, false, owner[s] == (int)me, false};
            duty_assign(entries, SHARDS, members, me);
            for (unsigned s = 0; s < SHARDS; s++) {
                assert_false(entries[s].assigned && owner[s] >= 0 && owner[s] != (int)me);
                if (entries[s].assigned)
                    owner[s] = (int)me;
                else if (owner[s] == (int)me)
                    owner[s] = -1;
            }
        }
        unsigned count[MEMBERS] = {0};
        for (unsigned s = 0; s < SHARDS; s++) {
            assert_true(owner[s] >= 0);
            count[owner[s]]++;
        }
        for (unsigned m = 0; m < members; m++)
            assert_int_equal(count[m], SHARDS / members + (m < SHARDS % members));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_divided),
        cmocka_unit_test(members_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
