// Nearest neighbours among remembered clicks: whatever the order in which they came, what all pairs say; and
// what the ring forgets.

#include "ingest/suspects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/click_id.h"

#define CLICKS    400
#define ROUNDS    60
#define WINDOW_MS 1000
#define BEGIN_MS  UINT64_C(1700000000000)

struct told {
    char before[CLICK_SHARES][CLICK_ID_TEXT_BYTES + 1]; // "" none
};

static struct click_keys click(uint64_t ms, uint8_t number, uint64_t visitor, uint64_t address)
{
    struct click_keys made = {.key = {visitor, address}};

    for (int i = 0; i < 6; i++)
        made.id[i] = (uint8_t)(ms >> (40 - 8 * i));
    made.id[15] = number;
    made.id[14] = (uint8_t)(random() & 255);
    return made;
}

static void id_text(const struct click_keys *click, char out[CLICK_ID_TEXT_BYTES + 1])
{
    click_id_format(click->id, out);
    out[CLICK_ID_TEXT_BYTES] = '\0';
}

// The elements of a literal such as {"a",NULL}, without quotes; "" for null. Cuts the text.
static size_t elements(char *text, char *out[])
{
    size_t n = 0;

    for (char *at = strtok(text, "{},"); at; at = strtok(NULL, "{},")) {
        at[strcspn(at + 1, "\"") + 1] = '\0';
        out[n++] = *at == '"' ? at + 1 : at + strlen(at);
    }
    return n;
}

static void tell(struct suspects *found, const struct click_keys *clicks, struct told *told)
{
    struct array *arrays[] = {&found->clicks, &found->followed[SHARE_VISITOR],
                              &found->followed[SHARE_ADDRESS]};
    char *columns[3][CLICKS], *texts[3];

    for (size_t i = 0; i < 3; i++) {
        struct slice literal = array_literal(arrays[i]);
        texts[i] = strndup(literal.data, literal.len);
        assert_int_equal(elements(texts[i], columns[i]), found->n);
    }
    for (size_t i = 0; i < found->n; i++) {
        char text[CLICK_ID_TEXT_BYTES + 1];
        size_t at = 0;
        for (id_text(&clicks[at], text); strcmp(text, columns[0][i]) != 0; id_text(&clicks[++at], text))
            assert_true(at < CLICKS);
        for (enum click_share share = 0; share < CLICK_SHARES; share++)
            strcpy(told[at].before[share], columns[1 + share][i]);
    }
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
}

static void nearest(const struct click_keys *clicks, size_t at, enum click_share share, char *out)
{
    const struct click_keys *best = NULL;

    for (size_t i = 0; i < CLICKS; i++) {
        if (clicks[i].key[share] == clicks[at].key[share] && clicks[at].key[share] != 0 &&
            memcmp(clicks[i].id, clicks[at].id, HIT_ID_BYTES) < 0 &&
            click_id_ms(clicks[at].id) - click_id_ms(clicks[i].id) <= WINDOW_MS &&
            (!best || memcmp(best->id, clicks[i].id, HIT_ID_BYTES) < 0))
            best = &clicks[i];
    }
    out[0] = '\0';
    if (best)
        id_text(best, out);
}

static void one_order(void)
{
    static struct click_keys clicks[CLICKS];
    static struct told told[CLICKS];
    struct recent *recent = recent_new();
    bool asked[CLICKS];
    uint64_t people = 1 + (uint64_t)random() % 60;

    memset(told, 0, sizeof(told));
    memset(asked, true, sizeof(asked));
    for (size_t i = 0; i < CLICKS; i++)
        clicks[i] = click(BEGIN_MS + (uint64_t)random() % 20000, (uint8_t)i, (uint64_t)random() % people,
                          (uint64_t)random() % people);
    for (size_t at = 0, n; at < CLICKS; at += n) {
        struct suspects found = {0};
        size_t some = (size_t)random() % 40 + 1;
        n = min_of(some, CLICKS - at);
        uint32_t from = recent_end(recent);
        assert_int_equal(recent_add(recent, &clicks[at], n), 0);
        assert_int_equal(suspects_find(recent, from, recent_end(recent), asked, WINDOW_MS, &found), 0);
        tell(&found, clicks, told);
        suspects_free(&found);
    }
    for (size_t i = 0; i < CLICKS; i++) {
        for (enum click_share share = 0; share < CLICK_SHARES; share++) {
            char expected[CLICK_ID_TEXT_BYTES + 1];
            nearest(clicks, i, share, expected);
            assert_string_equal(told[i].before[share], expected);
        }
    }
    recent_free(recent);
}

static void test_all_pairs(void **state)
{
    (void)state;
    long seed = time(NULL);
    print_message("seed %ld\n", seed);
    srandom((unsigned)seed);
    for (int i = 0; i < ROUNDS; i++)
        one_order();
}

static void test_what_is_not_asked(void **state)
{
    (void)state;
    struct recent *recent = recent_new();
    struct click_keys clicks[] = {click(BEGIN_MS, 1, 7, 0), click(BEGIN_MS + 1, 2, 7, 0)};
    struct suspects found = {0};

    assert_int_equal(recent_add(recent, clicks, 2), 0);
    assert_int_equal(suspects_find(recent, 1, 3, (bool[]){false, false}, WINDOW_MS, &found), 0);
    assert_int_equal(found.n, 0);
    assert_int_equal(suspects_find(recent, 1, 3, (bool[]){true, false}, WINDOW_MS, &found), 0);
    assert_int_equal(found.n, 1);
    suspects_free(&found);
    recent_free(recent);
}

static void test_what_is_forgotten(void **state)
{
    (void)state;
    struct recent *recent = recent_new();

    assert_true(recent_covers(recent, 1));
    assert_int_equal(recent_newest(recent, SHARE_VISITOR, 7), 0);
    for (uint64_t i = 0; i < 10000; i++) {
        struct click_keys one = click(BEGIN_MS + i, 0, 7, 1 + i % 2);
        assert_int_equal(recent_add(recent, &one, 1), 0);
    }
    assert_true(recent_covers(recent, BEGIN_MS));
    recent_expire(recent, BEGIN_MS + 9000);
    assert_int_equal(recent_end(recent) - recent_first(recent), 1000);
    assert_false(recent_covers(recent, BEGIN_MS + 8999));
    assert_true(recent_covers(recent, BEGIN_MS + 9000));
    size_t chain = 0;
    for (uint32_t at = recent_newest(recent, SHARE_VISITOR, 7); at > 0;
         at = recent_older(recent, SHARE_VISITOR, at))
        chain++;
    assert_int_equal(chain, 1000);
    recent_miss(recent, BEGIN_MS + 9500);
    assert_false(recent_covers(recent, BEGIN_MS + 9500));
    recent_reset(recent, 5);
    assert_true(recent_covers(recent, 6) && !recent_covers(recent, 5));
    assert_int_equal(recent_newest(recent, SHARE_VISITOR, 7), 0);
    recent_free(recent);
}

static void test_there_is_a_limit(void **state)
{
    (void)state;
    struct recent *recent = recent_new();
    size_t n = RECENT_MAX + 5;
    struct click_keys *clicks = calloc(n, sizeof(*clicks));

    for (size_t i = 0; i < n; i++)
        clicks[i] = click(BEGIN_MS + i, 0, 0, 1 + i);
    assert_int_equal(recent_add(recent, clicks, n), 0);
    assert_int_equal(recent_end(recent) - recent_first(recent), RECENT_MAX);
    assert_false(recent_covers(recent, BEGIN_MS + 4));
    assert_true(recent_covers(recent, BEGIN_MS + 5));
    free(clicks);
    recent_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pairs),
        cmocka_unit_test(test_what_is_not_asked),
        cmocka_unit_test(test_what_is_forgotten),
        cmocka_unit_test(test_there_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
