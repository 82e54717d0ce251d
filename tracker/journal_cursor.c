// Reading journals. Owners: the sender (frames to send again), adoption (the tail).
// A frame is taken only if its header is sound, names this producer and has a higher seq than the frame
// before: a visitor's text inside a damaged payload may imitate a header. Damage costs what it hits: a
// damaged payload yields the header alone (a hole), a damaged header what lies before the next sound one (a
// gap in seq). What the disk cannot read counts as zeros, which no frame is made of. Limits: the buffer grows
// from BUFFER_FIRST to one frame of FRAME_PAYLOAD_MAX.

#include "tracker/journal_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tracker/journal_door.h"

#define BUFFER_FIRST (256u << 10)
#define BUFFER_MAX   (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX)
#define BAD_BLOCK    4096

void journal_cursor_init(struct journal_cursor *cursor, const struct journal_folder *folder)
{
    *cursor = (struct journal_cursor){.folder = folder, .fd = -1};
}

static void segment_close(struct journal_cursor *cursor)
{
    if (cursor->fd >= 0)
        close(cursor->fd);
    cursor->fd = -1;
    cursor->segment = 0;
    cursor->filled = 0;
}

void journal_cursor_rest(struct journal_cursor *cursor)
{
    segment_close(cursor);
    free(cursor->buffer);
    cursor->buffer = NULL;
    cursor->room = 0;
    cursor->next_seq = 0;
}

static int segment_open(struct journal_cursor *cursor, size_t i)
{
    segment_close(cursor);
    int fd = journal_folder_segment(cursor->folder, i);
    if (fd < 0)
        return fd;
    cursor->fd = fd;
    cursor->segment = cursor->folder->segments[i].first_seq;
    cursor->offset = 0;
    cursor->buffer_at = 0;
    return 0;
}

static int buffer_reserve(struct journal_cursor *cursor, size_t need)
{
    if (cursor->room >= need)
        return 0;
    size_t room = max_of(need, BUFFER_FIRST);
    uint8_t *buffer = realloc(cursor->buffer, room);
    if (!buffer)
        return -ENOMEM;
    cursor->buffer = buffer;
    cursor->room = room;
    return 0;
}

// A block that cannot be read is read as zeros. Returns bytes, 0 at the end of the file, or negative errno.
static ssize_t segment_read(struct journal_cursor *cursor, uint8_t *out, size_t len, uint64_t at)
{
    ssize_t n = journal_doors.pread(cursor->fd, out, len, (off_t)at);
    if (n >= 0)
        return n;
    if (errno != EIO)
        return -errno;
    size_t block = min_of(len, BAD_BLOCK - at % BAD_BLOCK);
    n = journal_doors.pread(cursor->fd, out, block, (off_t)at);
    if (n >= 0)
        return n;
    struct stat st;
    if (fstat(cursor->fd, &st))
        return -errno;
    if (at >= (uint64_t)st.st_size)
        return 0;
    log_event(LOG_ERROR, "journal.unreadable", log_str("journal", cursor->folder->name),
              log_uint("offset", at));
    block = min_of(block, (uint64_t)st.st_size - at);
    memset(out, 0, block);
    return (ssize_t)block;
}

// Has the buffer hold [offset, offset + need), or less at the end of the segment. *have: bytes from offset
// on.
static int buffer_fill(struct journal_cursor *cursor, size_t need, size_t *have)
{
    uint64_t end = cursor->buffer_at + cursor->filled;
    int r = buffer_reserve(cursor, need);

    if (r)
        return r;
    if (cursor->offset < cursor->buffer_at || cursor->offset > end)
        cursor->filled = 0;
    size_t behind = cursor->filled ? (size_t)(cursor->offset - cursor->buffer_at) : 0;
    if (cursor->filled - behind < need) {
        cursor->filled -= behind;
        memmove(cursor->buffer, cursor->buffer + behind, cursor->filled);
        cursor->buffer_at = cursor->offset;
        behind = 0;
    }
    while (cursor->filled - behind < need) {
        ssize_t n = segment_read(cursor, cursor->buffer + cursor->filled, cursor->room - cursor->filled,
                                 cursor->buffer_at + cursor->filled);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        cursor->filled += (size_t)n;
    }
    *have = cursor->filled - behind;
    return 0;
}

static const uint8_t *buffer_here(const struct journal_cursor *cursor)
{
    return cursor->buffer + (cursor->offset - cursor->buffer_at);
}

static bool header_is_ours(const struct journal_cursor *cursor, const struct frame_header *header)
{
    return memcmp(header->producer, cursor->folder->producer, PRODUCER_BYTES) == 0 &&
           header->seq >= max_of(cursor->next_seq, cursor->segment) && !(header->flags & FRAME_HOLE);
}

// The next sound header of ours at or behind the offset: 0 (the offset stands on it) or JOURNAL_END (of the
// segment: the offset stands behind what cannot be a frame).
static int header_find(struct journal_cursor *cursor, struct frame_header *header)
{
    for (;;) {
        size_t have;
        int r = buffer_fill(cursor, FRAME_HEADER_BYTES, &have);
        if (r)
            return r;
        if (have < FRAME_HEADER_BYTES)
            return JOURNAL_END;
        r = frame_header_decode(buffer_here(cursor), have, header);
        if (r == 0 && header_is_ours(cursor, header))
            return 0;
        if (r == FRAME_VERSION_UNKNOWN)
            return -EPROTONOSUPPORT;
        size_t skip = 1 + frame_find(buffer_here(cursor) + 1, have - 1);
        if (skip == have) // a header may begin in the last bytes
            skip = have - FRAME_HEADER_BYTES + 1;
        cursor->offset += skip;
        cursor->torn_bytes += skip;
    }
}

static bool segment_is_last(const struct journal_cursor *cursor)
{
    const struct journal_folder *folder = cursor->folder;
    return folder->segments[folder->n_segments - 1].first_seq == cursor->segment;
}

// The frame whose header stands at the offset; the offset moves behind it. JOURNAL_END: the file ends inside
// it, and the journal with it (in an earlier segment that is a hole).
static int frame_take(struct journal_cursor *cursor, struct journal_frame *frame)
{
    size_t payload = frame_payload_length(&frame->header), have;

    int r = buffer_fill(cursor, FRAME_HEADER_BYTES + payload, &have);
    if (r)
        return r;
    if (have < FRAME_HEADER_BYTES + payload && segment_is_last(cursor))
        return JOURNAL_END;
    frame->bytes = buffer_here(cursor);
    frame->hole = frame_payload_check(&frame->header, frame->bytes + FRAME_HEADER_BYTES,
                                      have - FRAME_HEADER_BYTES) != 0;
    frame->len = FRAME_HEADER_BYTES + (frame->hole ? 0 : payload);
    cursor->offset += min_of(have, FRAME_HEADER_BYTES + payload);
    cursor->next_seq = frame->header.seq + 1;
    return 0;
}

// The next frame of the open segment with at least `seq`. 0, JOURNAL_END or negative errno.
static int segment_next(struct journal_cursor *cursor, uint64_t seq, struct journal_frame *frame)
{
    for (;;) {
        int r = header_find(cursor, &frame->header);
        if (r)
            return r;
        if (frame->header.seq >= seq)
            return frame_take(cursor, frame);
        cursor->offset += FRAME_HEADER_BYTES + frame_payload_length(&frame->header);
        cursor->next_seq = frame->header.seq + 1;
    }
}

int journal_cursor_next(struct journal_cursor *cursor, uint64_t seq, struct journal_frame *frame)
{
    const struct journal_folder *folder = cursor->folder;

    if (folder->n_segments == 0)
        return JOURNAL_END;
    size_t i = journal_folder_find(folder, seq);
    bool here =
        cursor->fd >= 0 && cursor->segment == folder->segments[i].first_seq && cursor->next_seq <= seq;
    int r = 0;
    if (!here) {
        cursor->next_seq = 0;
        r = segment_open(cursor, i);
    }
    while (r == 0) {
        r = segment_next(cursor, seq, frame);
        if (r != JOURNAL_END || ++i >= folder->n_segments)
            return r;
        r = segment_open(cursor, i);
    }
    return r;
}

// --- The tail --------------------------------------------------------------------------------

static int tail_cut(const struct journal_folder *folder, size_t i, uint64_t end, struct journal_tail *tail)
{
    struct stat st;
    char name[24];

    journal_segment_name(folder->segments[i].first_seq, name);
    int fd = openat(folder->dir_fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) ? -errno : 0;
    if (r == 0 && (uint64_t)st.st_size > end)
        tail->torn_bytes += (uint64_t)st.st_size - end;
    if (r == 0 && ftruncate(fd, (off_t)end)) // also frees what was reserved behind the end
        r = -errno;
    close(fd);
    return r;
}

// Reads segment i to its end. *end: behind its last frame.
static int tail_scan(struct journal_cursor *cursor, size_t i, struct journal_tail *tail, uint64_t *end)
{
    struct journal_frame frame;
    int r = segment_open(cursor, i);

    *end = 0;
    cursor->next_seq = 0;
    while (r == 0 && (r = segment_next(cursor, 1, &frame)) == 0) {
        tail->last_seq = frame.header.seq;
        tail->hits = frame.header.hits_before + frame.header.count;
        tail->chain = frame_chain(frame.bytes);
        *end = cursor->offset;
    }
    return r == JOURNAL_END ? 0 : r;
}

int journal_tail_find(const struct journal_folder *folder, struct journal_tail *tail)
{
    struct journal_cursor cursor;
    uint64_t end;
    int r = 0;

    *tail = (struct journal_tail){0};
    journal_cursor_init(&cursor, folder);
    for (size_t i = folder->n_segments; r == 0 && tail->last_seq == 0 && i-- > 0;) {
        r = tail_scan(&cursor, i, tail, &end);
        if (r == 0)
            r = tail_cut(folder, i, end, tail);
    }
    journal_cursor_rest(&cursor);
    return r;
}
