// A journal's segment out of any bytes: the input is a recipe that writes sound frames, damaged ones and
// plain bytes. Whatever stands there, the cursor yields rising seqs of this producer, each payload as its
// header says, and the tail ends behind the last of them.

#include "tracker/journal_cursor.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

#define SEGMENT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t producer[PRODUCER_BYTES] = "fuzz";

static void frame_write(struct bytes_writer *w, uint8_t seq, uint8_t count, const uint8_t *payload,
                        size_t len)
{
    uint8_t bytes[FRAME_HEADER_BYTES];
    struct frame_header header = {.version = FRAME_VERSION_PLAIN,
                                  .seq = seq + 1u,
                                  .hits_before = seq,
                                  .prev = seq,
                                  .count = 1u + count % (unsigned)len,
                                  .base = 1};

    memcpy(header.producer, producer, sizeof(producer));
    if (seq == 0)
        header.hits_before = header.prev = 0;
    frame_header_seal(&header, payload, len);
    frame_header_encode(&header, bytes);
    bytes_write(w, bytes, sizeof(bytes));
    bytes_write(w, payload, len);
}

// One step of the recipe: op, a, b, then b bytes.
static void step(struct bytes_writer *w, struct bytes_reader *r, uint8_t *start)
{
    uint8_t op = bytes_read_u8(r), a = bytes_read_u8(r), b = bytes_read_u8(r);
    const uint8_t *bytes = bytes_read(r, b);
    size_t written = (size_t)(w->at - start);

    if (!bytes)
        return;
    if (op % 4 < 2 && b > 0)
        frame_write(w, a, op, bytes, b);
    else if (op % 4 == 2)
        bytes_write(w, bytes, b);
    else if (written > 0)
        start[(size_t)a * 257 % written] ^= (uint8_t)(op >> 2 | 1);
}

static void segment_check(const struct journal_folder *folder)
{
    struct journal_cursor cursor;
    struct journal_frame frame;
    struct journal_tail tail;
    uint64_t seq = 0;

    journal_cursor_init(&cursor, folder);
    while (journal_cursor_next(&cursor, seq + 1, &frame) == 0) {
        assert(frame.header.seq > seq);
        assert(memcmp(frame.header.producer, producer, PRODUCER_BYTES) == 0);
        assert(frame.hole || frame_payload_check(&frame.header, frame.bytes + FRAME_HEADER_BYTES,
                                                 frame.len - FRAME_HEADER_BYTES) == 0);
        seq = frame.header.seq;
    }
    journal_cursor_rest(&cursor);
    if (journal_tail_find(folder, &tail) == 0)
        assert(tail.last_seq == seq);
    if (journal_tail_find(folder, &tail) == 0)
        assert(tail.last_seq == seq && tail.torn_bytes == 0);
}

static char dir[32];

static void dir_remove(void)
{
    rmdir(dir);
}

static void dir_make(void)
{
    strcpy(dir, "/tmp/fuzz-journal-XXXXXX");
    if (!mkdtemp(dir) || atexit(dir_remove))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[SEGMENT_MAX];
    struct bytes_writer w = bytes_writer(bytes, sizeof(bytes));
    struct bytes_reader r = bytes_reader(data, size);
    struct journal_segment segment = {.first_seq = 1};
    struct journal_folder folder = {.segments = &segment, .n_segments = 1};
    char name[24];

    if (!dir[0])
        dir_make();
    while (!r.bad && r.at < r.end && !w.overflow)
        step(&w, &r, bytes);
    folder.dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    memcpy(folder.producer, producer, sizeof(producer));
    journal_segment_name(1, name);
    int fd = openat(folder.dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    size_t len = (size_t)(w.at - bytes);
    assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
    segment_check(&folder);
    unlinkat(folder.dir_fd, name, 0);
    close(folder.dir_fd);
    return 0;
}
