// The list of data centres: what is one, what is no list.

#include "base/datacentres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct datacentres list;

static int parse(const char *text, struct list_reader *reader)
{
    return datacentres_parse(&list, slice_of(text), reader);
}

static void found_test(void **state)
{
    static const uint32_t in[] = {1, 24940, UINT32_MAX}, out[] = {0, 2, 24939, 24941, UINT32_MAX - 1};
    struct list_reader reader;

    (void)state;
    assert_int_equal(parse("version 3\nasn 24940 Hetzner\nasn 4294967295 last\nasn 1 first one\n", &reader),
                     0);
    assert_int_equal(list.version, 3);
    for (size_t i = 0; i < array_length(in); i++)
        assert_true(datacentres_hold(&list, in[i]));
    for (size_t i = 0; i < array_length(out); i++)
        assert_false(datacentres_hold(&list, out[i]));
    assert_int_equal(parse("version 3\n", &reader), 0);
    assert_false(datacentres_hold(&list, 1));
}

static void refused_test(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        {"asn 1 x\n", 1},
        {"version 1\nasn 0 x\n", 2},
        {"version 1\nasn 4294967296 x\n", 2},
        {"version 1\nasn 1\n", 2},
        {"version 1\nasn x y\n", 2},
        {"version 1\nas 1 x\n", 2},
        {"version 1\nasn 1 x\nasn 2 y\nasn 1 z\n", 4},
    };
    struct list_reader reader;

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++)
        if (parse(cases[i].text, &reader) != LIST_WRONG || reader.line != cases[i].line)
            fail_msg("%s: line %u", cases[i].text, reader.line);
}

static void rows_end_test(void **state)
{
    static char text[LIST_BYTES_MAX];
    struct list_reader reader;
    size_t len = (size_t)sprintf(text, "version 1\n");

    (void)state;
    for (size_t i = 1; i <= DATACENTRES_MAX; i++)
        len += (size_t)sprintf(text + len, "asn %zu x\n", i);
    assert_int_equal(parse(text, &reader), 0);
    sprintf(text + len, "asn %d x\n", DATACENTRES_MAX + 1);
    assert_int_equal(parse(text, &reader), LIST_WRONG);
}

// The list of the binary, and who must not be on it.
static void built_in_test(void **state)
{
    static const uint32_t people[] = {13335, 36183, 54113, 15169, 13238, 47541, 8359, 12389, 3320, 7018};
    struct list_reader reader;

    (void)state;
    assert_int_equal(datacentres_parse(&list,
                                       (struct slice){(const char *)datacentres_list, datacentres_list_bytes},
                                       &reader),
                     0);
    assert_true(list.n > 150 && datacentres_hold(&list, 16509) && datacentres_hold(&list, 24940) &&
                datacentres_hold(&list, 49505));
    for (size_t i = 0; i < array_length(people); i++)
        assert_false(datacentres_hold(&list, people[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_test),
        cmocka_unit_test(refused_test),
        cmocka_unit_test(rows_end_test),
        cmocka_unit_test(built_in_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
