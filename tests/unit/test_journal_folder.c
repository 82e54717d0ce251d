// Folders of journals: names, the lock, the mark of the end, what is left alone.

#include "tracker/journal_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
static int root_fd;
static const uint8_t producer[PRODUCER_BYTES] = {0xab, 1};
static const char name[] = "ab010000000000000000000000000000";
static const struct journal_meta meta = {.shard = 2, .worker = 5, .started_ms = 7, .host = "h"};

static int root_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/clickledger-folder-XXXXXX");
    assert_non_null(mkdtemp(root));
    root_fd = journal_root_open(root);
    return root_fd < 0;
}

static int root_down(void **state)
{
    char command[96];

    (void)state;
    close(root_fd);
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static const struct {
    const char *text;
    int r;
} names[] = {
    {"0123456789abcdef0123456789abcdef", 0},
    {"0123456789ABCDEF0123456789ABCDEF", JOURNAL_BROKEN},
    {"0123456789abcdef0123456789abcde", JOURNAL_BROKEN},
    {"0123456789abcdef0123456789abcdef0", JOURNAL_BROKEN},
    {"0123456789abcdef0123456789abcdeg", JOURNAL_BROKEN},
    {"new-0123456789abcdef0123456789abcdef", JOURNAL_BROKEN},
    {"..", JOURNAL_BROKEN},
};

static void only_names_of_ours_are_folders(void **state)
{
    (void)state;
    uint8_t id[PRODUCER_BYTES];
    char again[JOURNAL_NAME_BYTES];

    for (size_t i = 0; i < array_length(names); i++) {
        assert_int_equal(journal_name_parse(names[i].text, id), names[i].r);
        if (names[i].r)
            continue;
        journal_name_format(id, again);
        assert_string_equal(again, names[i].text);
    }
}

static void one_owner_at_a_time(void **state)
{
    (void)state;
    struct journal_folder folder, other;

    assert_int_equal(journal_folder_create(&folder, root_fd, producer, &meta), 0);
    assert_string_equal(folder.name, name);
    assert_int_equal(journal_folder_create(&other, root_fd, producer, &meta) < 0, 1);
    assert_int_equal(journal_folder_adopt(&other, root_fd, name), JOURNAL_OWNED);
    journal_folder_close(&folder);
    assert_int_equal(journal_folder_adopt(&other, root_fd, name), 0);
    assert_int_equal(other.meta.shard, 2);
    assert_int_equal(other.meta.worker, 5);
    assert_int_equal(journal_folder_ended_ms(&other), 0);
    journal_folder_mark_ended(&other, true);
    assert_true(journal_folder_ended_ms(&other) > 1700000000000);
    journal_folder_mark_ended(&other, false);
    assert_int_equal(journal_folder_ended_ms(&other), 0);
    journal_folder_mark_ended(&other, true);
    assert_int_equal(journal_folder_remove(&other, root_fd), 0);
    journal_folder_close(&other);
    assert_int_equal(faccessat(root_fd, name, F_OK, 0), -1);
}

static void what_is_not_a_journal_is_left_alone(void **state)
{
    (void)state;
    struct journal_folder folder;

    assert_int_equal(mkdirat(root_fd, name, 0700), 0);
    assert_int_equal(journal_folder_adopt(&folder, root_fd, name), JOURNAL_BROKEN); // no meta
    assert_int_equal(faccessat(root_fd, name, F_OK, 0), 0);
    assert_int_equal(unlinkat(root_fd, name, AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat(root, root_fd, name), 0);
    assert_true(journal_folder_adopt(&folder, root_fd, name) < 0);
}

static void half_made_folders_are_swept_when_they_are_old(void **state)
{
    (void)state;
    char hidden[JOURNAL_NAME_BYTES + 8];
    struct journal_folder folder;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;

    snprintf(hidden, sizeof(hidden), "new-%s", name);
    assert_int_equal(journal_folder_create(&folder, root_fd, producer, &meta), 0);
    assert_int_equal(renameat(root_fd, name, root_fd, hidden), 0); // as if its owner had not come further
    journal_folder_sweep(root_fd, hidden, now_ms + 2 * JOURNAL_STALE_MS);
    assert_int_equal(faccessat(root_fd, hidden, F_OK, 0), 0); // locked
    journal_folder_close(&folder);
    journal_folder_sweep(root_fd, hidden, now_ms);
    assert_int_equal(faccessat(root_fd, hidden, F_OK, 0), 0); // young
    journal_folder_sweep(root_fd, hidden, now_ms + 2 * JOURNAL_STALE_MS);
    assert_int_equal(faccessat(root_fd, hidden, F_OK, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_of_ours_are_folders),
        cmocka_unit_test_setup_teardown(one_owner_at_a_time, root_up, root_down),
        cmocka_unit_test_setup_teardown(what_is_not_a_journal_is_left_alone, root_up, root_down),
        cmocka_unit_test_setup_teardown(half_made_folders_are_swept_when_they_are_old, root_up, root_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
