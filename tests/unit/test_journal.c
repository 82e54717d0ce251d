// Journals: what is written comes back; cut off, flipped, full, failing, in segments, trimmed.

#include "tracker/journal.h"

#include <errno.h>
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

#include "tracker/journal_cursor.h"
#include "tracker/journal_door.h"
#include "tracker/producer.h"

#define SEGMENT_BYTES 4096
#define FRAMES        6
#define FILE_MAX      8192

struct setting {
    char root[64];
    int root_fd;
    struct producer producer;
    struct journal journal;
    size_t end[FRAMES + 1]; // where frame i + 1 ends in the file; end[0] = 0
};

static struct journal_doors real_doors;
static const struct journal_meta meta = {
    .shard = 3, .worker = 1, .started_ms = 1700000000000, .host = "host"};

static int setting_up(void **state)
{
    struct setting *s = calloc(1, sizeof(*s));

    strcpy(s->root, "/tmp/clickledger-journal-XXXXXX");
    assert_non_null(mkdtemp(s->root));
    s->root_fd = journal_root_open(s->root);
    assert_true(s->root_fd >= 0);
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

// A frame of `hits` hits with `bytes` bytes of text each, which cannot be packed.
static int append(struct setting *s, unsigned hits, size_t bytes)
{
    static char text[2][2048];
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN, .status = 302};

    srand(1);
    for (size_t i = 0; i < sizeof(text); i++)
        ((char *)text)[i] = (char)(rand() >> 8);
    for (unsigned i = 0; i < hits; i++) {
        hit.field[HIT_PATH] = (struct slice){text[i % 2], bytes};
        memcpy(hit.id, &s->producer.seq, sizeof(s->producer.seq));
        assert_int_equal(producer_add(&s->producer, &hit), 0);
    }
    struct slice frame = producer_seal(&s->producer, 1, 0);
    int r = journal_append(&s->journal, frame.data, frame.len, s->producer.seq, s->producer.hits_before);
    if (r == 0)
        producer_commit(&s->producer);
    else
        producer_discard(&s->producer);
    return r;
}

static void append_small(struct setting *s)
{
    for (unsigned i = 0; i < FRAMES; i++) {
        assert_int_equal(append(s, 1 + i % 2, 5 + i), 0);
        s->end[i + 1] = s->journal.offset;
    }
}

// --- The only segment as bytes ---------------------------------------------------------------

static int segment_fd(struct setting *s, int flags)
{
    char name[24];
    journal_segment_name(1, name);
    int fd = openat(s->journal.folder.dir_fd, name, flags);
    assert_true(fd >= 0);
    return fd;
}

static size_t segment_read(struct setting *s, uint8_t bytes[FILE_MAX])
{
    int fd = segment_fd(s, O_RDONLY);
    ssize_t n = read(fd, bytes, FILE_MAX);
    close(fd);
    assert_true(n > 0 && n < FILE_MAX);
    return (size_t)n;
}

static void segment_write(struct setting *s, const uint8_t *bytes, size_t len)
{
    int fd = segment_fd(s, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static size_t segment_size(struct setting *s)
{
    struct stat st;
    int fd = segment_fd(s, O_RDONLY);
    assert_int_equal(fstat(fd, &st), 0);
    close(fd);
    return (size_t)st.st_size;
}

// Reads all from seq 1 on. Fills what[seq]: '.' whole, 'H' hole, ' ' not found.
static void journal_scan(struct setting *s, const uint8_t *good, char what[FRAMES + 2])
{
    struct journal_cursor cursor;
    struct journal_frame frame;
    uint64_t seq = 1;

    memset(what, ' ', FRAMES + 1);
    what[FRAMES + 1] = '\0';
    journal_cursor_init(&cursor, &s->journal.folder);
    while (journal_cursor_next(&cursor, seq, &frame) == 0) {
        assert_true(frame.header.seq >= seq && frame.header.seq <= FRAMES);
        seq = frame.header.seq;
        assert_memory_equal(frame.header.producer, s->producer.id, PRODUCER_BYTES);
        what[seq] = frame.hole ? 'H' : '.';
        if (!frame.hole && good)
            assert_memory_equal(frame.bytes, good + s->end[seq - 1], s->end[seq] - s->end[seq - 1]);
        seq++;
    }
    journal_cursor_rest(&cursor);
}

static void a_tail_cut_at_any_byte_keeps_the_whole_frames(void **state)
{
    struct setting *s = *state;
    uint8_t good[FILE_MAX];
    char what[FRAMES + 2];

    append_small(s);
    size_t len = segment_read(s, good);
    for (size_t cut = 0; cut <= len; cut++) {
        struct journal_tail tail;
        unsigned whole = 0;
        while (whole < FRAMES && s->end[whole + 1] <= cut)
            whole++;
        segment_write(s, good, cut);
        assert_int_equal(journal_tail_find(&s->journal.folder, &tail), 0);
        assert_int_equal(tail.last_seq, whole);
        assert_int_equal(tail.torn_bytes, cut - s->end[whole]);
        assert_int_equal(segment_size(s), s->end[whole]);
        if (whole > 0)
            assert_int_equal(tail.chain, frame_chain(good + s->end[whole - 1]));
        journal_scan(s, good, what);
        for (unsigned seq = 1; seq <= FRAMES; seq++)
            assert_int_equal(what[seq], seq <= whole ? '.' : ' ');
    }
}

static void garbage_behind_the_tail_is_cut(void **state)
{
    struct setting *s = *state;
    uint8_t bytes[FILE_MAX];
    struct journal_tail tail;

    append_small(s);
    size_t len = segment_read(s, bytes);
    memset(bytes + len, 0, 1000);
    segment_write(s, bytes, len + 1000);
    assert_int_equal(journal_tail_find(&s->journal.folder, &tail), 0);
    assert_int_equal(tail.last_seq, FRAMES);
    assert_int_equal(tail.hits, 9);
    assert_int_equal(tail.torn_bytes, 1000);
    assert_int_equal(segment_size(s), len);
}

// A flipped bit costs its own frame: as a hole if it is in the payload, as a gap if it is in the header.
static void a_flipped_bit_costs_one_frame(void **state)
{
    struct setting *s = *state;
    uint8_t good[FILE_MAX], bad[FILE_MAX];
    char what[FRAMES + 2];

    append_small(s);
    size_t len = segment_read(s, good);
    for (size_t at = 0; at < len; at++) {
        unsigned hurt = 1;
        while (s->end[hurt] <= at)
            hurt++;
        memcpy(bad, good, len);
        bad[at] ^= (uint8_t)(1 << at % 8);
        segment_write(s, bad, len);
        journal_scan(s, good, what);
        bool in_header = at < s->end[hurt - 1] + FRAME_HEADER_BYTES;
        for (unsigned seq = 1; seq <= FRAMES; seq++) {
            if (what[seq] != (seq != hurt ? '.' : in_header ? ' ' : 'H'))
                fail_msg("byte %zu: \"%s\"", at, what);
        }
    }
}

// A payload that holds a header of this very producer, sound in itself, must not be taken for a frame: it
// would hide what lies behind it.
static void a_header_inside_a_damaged_frame_is_not_believed_backwards(void **state)
{
    struct setting *s = *state;
    uint8_t bytes[FILE_MAX], imitation[FRAME_HEADER_BYTES];
    struct frame_header header = {
        .version = FRAME_VERSION_PLAIN, .seq = 1, .count = 1, .payload_bytes = 1000, .base = 1};
    char what[FRAMES + 2];

    append_small(s);
    memcpy(header.producer, s->producer.id, PRODUCER_BYTES);
    frame_header_encode(&header, imitation);
    size_t len = segment_read(s, bytes), inside = s->end[3] + FRAME_HEADER_BYTES;
    memmove(bytes + inside + FRAME_HEADER_BYTES, bytes + inside, len - inside);
    memcpy(bytes + inside, imitation, sizeof(imitation)); // in frame 4
    bytes[s->end[3] + 30] ^= 1;                           // whose header is damaged
    segment_write(s, bytes, len + FRAME_HEADER_BYTES);
    journal_scan(s, NULL, what);
    assert_string_equal(what, " ... ..");
}

// The header behind the damage may begin in one buffer and end in the next.
static void a_header_is_found_wherever_the_damage_ends(void **state)
{
    static const size_t damage[] = {1,           95,          96,         262144 - 97, 262144 - 96,
                                    262144 - 95, 262144 - 50, 262144 - 1, 262144};
    struct setting *s = *state;
    uint8_t good[FILE_MAX], *bytes = calloc(1, 262144 + FILE_MAX);
    char what[FRAMES + 2];

    append_small(s);
    size_t len = segment_read(s, good);
    for (size_t i = 0; i < array_length(damage); i++) {
        memset(bytes, 0, damage[i]);
        memcpy(bytes + damage[i], good, len);
        segment_write(s, bytes, damage[i] + len);
        journal_scan(s, good, what);
        assert_string_equal(what, " ......");
    }
    free(bytes);
}

static ssize_t unreadable_pread(int fd, void *bytes, size_t len, off_t offset)
{
    if (offset < 4096) { // the first block
        errno = EIO;
        return -1;
    }
    return real_doors.pread(fd, bytes, len, offset);
}

static void a_block_that_cannot_be_read_is_passed_over(void **state)
{
    struct setting *s = *state;
    struct journal_cursor cursor;
    struct journal_frame frame;

    journal_close(&s->journal);
    producer_renew(&s->producer, 0);
    assert_int_equal(journal_open(&s->journal, s->root_fd, s->producer.id, &meta, 65536), 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(append(s, 1, 1000), 0); // frames of about 1130 bytes
    journal_doors.pread = unreadable_pread;
    journal_cursor_init(&cursor, &s->journal.folder);
    assert_int_equal(journal_cursor_next(&cursor, 1, &frame), 0);
    assert_int_equal(frame.header.seq, 5);
    assert_false(frame.hole);
    journal_cursor_rest(&cursor);
}

// --- The disk --------------------------------------------------------------------------------

static int door_error;

static ssize_t failing_write(int fd, const void *bytes, size_t len)
{
    if (door_error == 0) // a short write
        return real_doors.write(fd, bytes, len - 1);
    errno = door_error;
    return -1;
}

static int failing_fdatasync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static int failing_fallocate(int fd, int mode, off_t offset, off_t len)
{
    (void)fd, (void)mode, (void)offset, (void)len;
    errno = door_error;
    return -1;
}

static void a_write_that_fails_leaves_whole_frames(void **state)
{
    struct setting *s = *state;
    static const int errors[] = {0, ENOSPC, EIO};
    uint8_t good[FILE_MAX];
    char what[FRAMES + 2];

    append_small(s);
    size_t len = segment_read(s, good);
    for (size_t i = 0; i < array_length(errors); i++) {
        door_error = errors[i];
        journal_doors.write = failing_write;
        s->journal.error = 0;
        assert_int_equal(append(s, 1, 5), errors[i] ? -errors[i] : -ENOSPC);
        journal_doors.write = real_doors.write;
        assert_int_equal(append(s, 1, 5), errors[i] ? -errors[i] : -ENOSPC); // failed for good
        assert_int_equal(segment_size(s), len);
        journal_scan(s, good, what);
        assert_string_equal(what, " ......");
    }
}

static void a_failed_sync_is_not_tried_again(void **state)
{
    struct setting *s = *state;

    append_small(s);
    journal_doors.fdatasync = failing_fdatasync;
    assert_int_equal(journal_sync(&s->journal), -EIO);
    journal_doors.fdatasync = real_doors.fdatasync;
    assert_int_equal(journal_sync(&s->journal), -EIO);
    assert_int_equal(append(s, 1, 5), -EIO);
}

static void room_is_reserved_before_it_is_needed(void **state)
{
    struct setting *s = *state;

    while (s->journal.offset < SEGMENT_BYTES / 2)
        assert_int_equal(append(s, 1, 200), 0);
    assert_int_equal(s->journal.reserve_fd, -1);
    journal_tick(&s->journal);
    assert_true(s->journal.reserve_fd >= 0);
    door_error = ENOSPC;
    journal_doors.fallocate = failing_fallocate; // the disk is full now
    while (s->journal.folder.n_segments < 2)
        assert_int_equal(append(s, 1, 200), 0); // uses the reserve
    journal_tick(&s->journal);
    int r = 0;
    for (int i = 0; i < 100 && r == 0; i++)
        r = append(s, 1, 200);
    assert_int_equal(r, -ENOSPC); // new frames are refused, old ones whole
    uint64_t last = s->producer.seq - 1;
    struct journal_tail tail;
    assert_int_equal(journal_tail_find(&s->journal.folder, &tail), 0);
    assert_int_equal(tail.last_seq, last);
}

static void a_disk_without_room_gets_no_folder(void **state)
{
    struct setting *s = *state;
    struct journal journal;
    uint8_t producer[PRODUCER_BYTES] = {7};
    struct stat st;

    door_error = ENOSPC;
    journal_doors.fallocate = failing_fallocate;
    assert_int_equal(journal_open(&journal, s->root_fd, producer, &meta, SEGMENT_BYTES), -ENOSPC);
    assert_int_equal(fstatat(s->root_fd, "07000000000000000000000000000000", &st, 0), -1);
    door_error = EOPNOTSUPP; // a file system that cannot reserve
    assert_int_equal(journal_open(&journal, s->root_fd, producer, &meta, SEGMENT_BYTES), 0);
    journal_close(&journal);
}

// --- Segments and folders --------------------------------------------------------------------

static void fill_segments(struct setting *s, size_t segments)
{
    while (s->journal.folder.n_segments < segments)
        assert_int_equal(append(s, 2, 320), 0);
}

static void segments_follow_each_other(void **state)
{
    struct setting *s = *state;
    struct journal_cursor cursor;
    struct journal_frame frame;
    struct journal_folder folder;

    fill_segments(s, 5);
    uint64_t last = s->producer.seq - 1, hits_before;
    assert_int_equal(journal_base(&s->journal, &hits_before), 1);
    assert_int_equal(journal_folder_adopt(&folder, s->root_fd, s->journal.folder.name), JOURNAL_OWNED);
    char name[JOURNAL_NAME_BYTES];
    memcpy(name, s->journal.folder.name, sizeof(name));
    journal_close(&s->journal);
    assert_int_equal(journal_folder_adopt(&folder, s->root_fd, name), 0);
    assert_int_equal(folder.n_segments, 5);
    assert_int_equal(folder.meta.shard, 3);
    assert_int_equal(folder.meta.started_ms, 1700000000000);
    assert_string_equal(folder.meta.host, "host");
    journal_cursor_init(&cursor, &folder);
    for (uint64_t from = 1; from <= last; from += 3) { // from anywhere, forwards and back
        for (uint64_t seq = from; seq <= last; seq++) {
            assert_int_equal(journal_cursor_next(&cursor, seq, &frame), 0);
            assert_int_equal(frame.header.seq, seq);
            assert_int_equal(frame.header.hits_before, 2 * (seq - 1));
        }
        assert_int_equal(journal_cursor_next(&cursor, last + 1, &frame), JOURNAL_END);
    }
    journal_cursor_rest(&cursor);
    assert_int_equal(journal_folder_remove(&folder, s->root_fd), 0);
    journal_folder_close(&folder);
}

static void a_missing_segment_is_a_gap(void **state)
{
    struct setting *s = *state;
    struct journal_cursor cursor;
    struct journal_frame frame;
    char name[24];

    fill_segments(s, 3);
    uint64_t second = s->journal.folder.segments[1].first_seq,
             third = s->journal.folder.segments[2].first_seq;
    journal_segment_name(second, name);
    int fd = openat(s->journal.folder.dir_fd, name, O_WRONLY | O_TRUNC);
    close(fd);
    journal_cursor_init(&cursor, &s->journal.folder);
    assert_int_equal(journal_cursor_next(&cursor, second - 1, &frame), 0);
    assert_int_equal(frame.header.seq, second - 1);
    assert_int_equal(journal_cursor_next(&cursor, second, &frame), 0);
    assert_int_equal(frame.header.seq, third);
    journal_cursor_rest(&cursor);
}

static void trimming_keeps_what_is_young_or_not_committed(void **state)
{
    struct setting *s = *state;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000, day_ms = 86400000, all = 1 << 30, hits_before;

    fill_segments(s, 5);
    uint64_t second = s->journal.folder.segments[1].first_seq;
    assert_int_equal(journal_trim(&s->journal, 1000, now_ms, day_ms, all), 0);           // young
    assert_int_equal(journal_trim(&s->journal, 0, now_ms + 2 * day_ms, day_ms, all), 0); // not committed
    assert_int_equal(journal_trim(&s->journal, second - 2, now_ms + 2 * day_ms, day_ms, all), 0);
    assert_int_equal(journal_trim(&s->journal, second - 1, now_ms + 2 * day_ms, day_ms, all), 1);
    assert_int_equal(journal_base(&s->journal, &hits_before), second);
    assert_int_equal(hits_before, 2 * (second - 1));
    assert_int_equal(journal_trim(&s->journal, 1000, now_ms, day_ms, 2 * SEGMENT_BYTES), 2); // too many bytes
    assert_int_equal(journal_trim(&s->journal, 1000, now_ms + 2 * day_ms, day_ms, 0), 1);
    assert_int_equal(s->journal.folder.n_segments, 1); // the last one stays
}

int main(void)
{
#define on_disk(name) cmocka_unit_test_setup_teardown(name, setting_up, setting_down)
    const struct CMUnitTest tests[] = {
        on_disk(a_tail_cut_at_any_byte_keeps_the_whole_frames),
        on_disk(garbage_behind_the_tail_is_cut),
        on_disk(a_flipped_bit_costs_one_frame),
        on_disk(a_header_inside_a_damaged_frame_is_not_believed_backwards),
        on_disk(a_header_is_found_wherever_the_damage_ends),
        on_disk(a_block_that_cannot_be_read_is_passed_over),
        on_disk(a_write_that_fails_leaves_whole_frames),
        on_disk(a_failed_sync_is_not_tried_again),
        on_disk(room_is_reserved_before_it_is_needed),
        on_disk(a_disk_without_room_gets_no_folder),
        on_disk(segments_follow_each_other),
        on_disk(a_missing_segment_is_a_gap),
        on_disk(trimming_keeps_what_is_young_or_not_committed),
    };
    real_doors = journal_doors;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
