// Lines of the file of heads: what is read, what is refused, what a crash leaves.

#include "attrib/seal_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct {
    const char *line;
    uint64_t id; // 0: refused
} cases[] = {
    {"1 " HEAD, 1},
    {"123456789012345678 " HEAD, 123456789012345678},
    {"1234567890123456789 " HEAD, 0},
    {"0 " HEAD, 0},
    {"01 " HEAD, 0},
    {"-1 " HEAD, 0},
    {"1  " HEAD, 0},
    {" 1 " HEAD, 0},
    {"1" HEAD, 0},
    {"1 " HEAD "0", 0},
    {"1 " HEAD " ", 0},
    {"1 ", 0},
    {"1", 0},
    {"", 0},
};

static void test_parse(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seal_hash head;
        uint64_t id;
        int r = seal_file_parse(slice_of(cases[i].line), &id, &head);
        assert_int_equal(r, cases[i].id ? 0 : SEAL_FILE_MALFORMED);
        if (r == 0)
            assert_int_equal(id, cases[i].id);
    }
}

static void test_append_and_last(void **unused)
{
    (void)unused;
    char path[] = "/tmp/clickledger-heads.XXXXXX";
    uint64_t id = 9;

    close(mkstemp(path));
    assert_int_equal(seal_file_last(path, &id), 0);
    assert_int_equal(id, 0);
    for (int n = 1; n <= 12; n++) {
        char line[SEAL_LINE_BYTES];
        snprintf(line, sizeof(line), "%d " HEAD "\n", n);
        assert_int_equal(seal_file_append(path, slice_of(line)), 0);
        assert_int_equal(seal_file_last(path, &id), 0);
        assert_int_equal(id, n);
    }
    assert_int_equal(seal_file_append(path, SLICE("13 0011")), 0); // torn
    assert_int_equal(seal_file_last(path, &id), 0);
    assert_int_equal(id, 12);
    assert_int_equal(seal_file_append(path, SLICE("13 " HEAD "\n")), 0);
    assert_int_equal(seal_file_last(path, &id), 0);
    assert_int_equal(id, 13);
    assert_int_equal(seal_file_append(path, SLICE("something else\n")), 0);
    assert_int_equal(seal_file_last(path, &id), SEAL_FILE_MALFORMED);
    unlink(path);
    assert_int_equal(seal_file_last(path, &id), 0);
    assert_true(seal_file_append("/nowhere/heads", SLICE("x\n")) < 0 && seal_file_last("/proc", &id) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_append_and_last)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
