// Syncs of a journal: what fills a segment does not wait for the disk, and what a power cut then leaves is
// read.

#include "tracker/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracker/journal_cursor.h"
#include "tracker/journal_door.h"
#include "tracker/producer.h"

#define SEGMENT_BYTES 4096

struct setting {
    char root[64];
    int root_fd;
    struct producer producer;
    struct journal journal;
};

static struct journal_doors real_doors;
static const struct journal_meta meta = {.started_ms = 1700000000000, .host = "host"};

static int setting_up(void **state)
{
    struct setting *s = calloc(1, sizeof(*s));

    strcpy(s->root, "/tmp/clickledger-journal-XXXXXX");
    assert_non_null(mkdtemp(s->root));
    s->root_fd = journal_root_open(s->root);
    assert_int_equal(producer_init(&s->producer, 65536), 0);
    producer_renew(&s->producer, 0);
    assert_int_equal(journal_open(&s->journal, s->root_fd, s->producer.id, &meta, SEGMENT_BYTES), 0);
    *state = s;
    return 0;
}

static int setting_down(void **state)
{
    struct setting *s = *state;
    char command[96];

    journal_doors = real_doors;
    journal_close(&s->journal);
    producer_deinit(&s->producer);
    close(s->root_fd);
    snprintf(command, sizeof(command), "rm -rf %s", s->root);
    assert_int_equal(system(command), 0);
    free(s);
    return 0;
}

static void append(struct setting *s)
{
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN, .status = 302};

    memcpy(hit.id, &s->producer.seq, sizeof(s->producer.seq));
    hit.field[HIT_VISITOR] = (struct slice){"0123456789abcdef", 16};
    assert_int_equal(producer_add(&s->producer, &hit), 0);
    struct slice frame = producer_seal(&s->producer, 1, 0);
    assert_int_equal(
        journal_append(&s->journal, frame.data, frame.len, s->producer.seq, s->producer.hits_before), 0);
    producer_commit(&s->producer);
}

static int failing_fdatasync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static unsigned syncs;

static int counted_fdatasync(int fd)
{
    syncs++;
    return real_doors.fdatasync(fd);
}

static void segment_fill(struct setting *s)
{
    unsigned n = s->journal.folder.n_segments;

    while (s->journal.folder.n_segments == n)
        append(s);
}

// The disk may be slow: what fills a segment does not wait for it, once.
static void a_full_segment_is_synced_with_the_next_one(void **state)
{
    struct setting *s = *state;
    struct journal_unsynced taken;

    journal_doors.fdatasync = counted_fdatasync;
    syncs = 0;
    segment_fill(s);
    assert_true(journal_sync_take(&s->journal, &taken));
    assert_true(taken.full_fd < 0 && taken.dir_fd >= 0 && taken.fd >= 0);
    journal_unsynced_close(&taken);
    assert_false(journal_sync_take(&s->journal, &taken));
    segment_fill(s);
    assert_int_equal(syncs, 0);
    assert_true(journal_sync_take(&s->journal, &taken));
    assert_true(taken.full_fd >= 0 && taken.dir_fd >= 0 && taken.fd >= 0);
    assert_int_equal(journal_unsynced_sync(&taken), 0);
    journal_unsynced_close(&taken);
    assert_int_equal(syncs, 2);
    segment_fill(s);
    assert_int_equal(syncs, 2);
    segment_fill(s); // another one waits already
    assert_int_equal(syncs, 4);
    assert_int_equal(journal_sync(&s->journal), 0);
    assert_int_equal(syncs, 6);
    segment_fill(s);
    journal_doors.fdatasync = failing_fdatasync;
    assert_int_equal(journal_sync(&s->journal), -EIO);
}

// What a power cut may leave: the end of a full segment is not there, the next one is.
static void a_segment_without_its_end_is_a_gap(void **state)
{
    struct setting *s = *state;
    struct journal_cursor cursor;
    struct journal_frame frame;
    char path[64];
    uint64_t last = 0, jumps = 0;

    segment_fill(s);
    segment_fill(s);
    uint64_t next = s->journal.folder.segments[1].first_seq;
    journal_segment_name(s->journal.folder.segments[0].first_seq, path);
    int fd = openat(s->journal.folder.dir_fd, path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, SEGMENT_BYTES / 2), 0);
    close(fd);
    journal_cursor_init(&cursor, &s->journal.folder);
    while (journal_cursor_next(&cursor, last + 1, &frame) == 0) {
        jumps += frame.header.seq != last + 1;
        if (frame.header.seq != last + 1)
            assert_int_equal(frame.header.seq, next);
        last = frame.header.seq;
    }
    assert_int_equal(jumps, 1);
    assert_int_equal(last, s->producer.seq - 1);
    journal_cursor_rest(&cursor);
}

int main(void)
{
#define on_disk(name) cmocka_unit_test_setup_teardown(name, setting_up, setting_down)
    const struct CMUnitTest tests[] = {
        on_disk(a_full_segment_is_synced_with_the_next_one),
        on_disk(a_segment_without_its_end_is_a_gap),
    };
    real_doors = journal_doors;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
