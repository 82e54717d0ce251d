// The heads that have left the database. Owner: the sealer, which leads alone. A line is whole or, after a
// crash, torn at the end: then it is cut off and written again.

#include "attrib/seal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_DIGITS_MAX 18

int seal_file_parse(struct slice line, uint64_t *id, struct seal_hash *head)
{
    size_t digits = 0;

    *id = 0;
    while (digits < line.len && line.data[digits] >= '0' && line.data[digits] <= '9' &&
           digits < ID_DIGITS_MAX)
        *id = *id * 10 + (uint64_t)(line.data[digits++] - '0');
    if (*id == 0 || line.data[0] == '0' || digits == line.len || line.data[digits] != ' ')
        return SEAL_FILE_MALFORMED;
    struct slice hex = {line.data + digits + 1, line.len - digits - 1};
    return seal_parse(hex, head) ? 0 : SEAL_FILE_MALFORMED;
}

// The whole lines among the last bytes of the file; cuts off what follows them.
static int tail_read(int fd, char tail[2 * SEAL_LINE_BYTES], struct slice *last)
{
    struct stat stat;

    if (fstat(fd, &stat) < 0)
        return -errno;
    off_t from = stat.st_size > 2 * SEAL_LINE_BYTES ? stat.st_size - 2 * SEAL_LINE_BYTES : 0;
    ssize_t len = pread(fd, tail, 2 * SEAL_LINE_BYTES, from);
    if (len < 0)
        return -errno;
    size_t end = (size_t)len;
    while (end > 0 && tail[end - 1] != '\n')
        end--;
    if (end == 0 && from > 0)
        return SEAL_FILE_MALFORMED;
    if (end < (size_t)len && ftruncate(fd, from + (off_t)end) < 0)
        return -errno;
    size_t begin = end ? end - 1 : 0;
    while (begin > 0 && tail[begin - 1] != '\n')
        begin--;
    *last = (struct slice){tail + begin, end ? end - 1 - begin : 0};
    return 0;
}

int seal_file_last(const char *path, uint64_t *id)
{
    char tail[2 * SEAL_LINE_BYTES];
    struct slice last = SLICE("");
    struct seal_hash head;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    *id = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    int r = tail_read(fd, tail, &last);
    close(fd);
    if (r || last.len == 0)
        return r;
    return seal_file_parse(last, id, &head);
}

int seal_file_append(const char *path, struct slice text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text.data, text.len);
    int r = written == (ssize_t)text.len ? 0 : written < 0 ? -errno : -ENOSPC;
    if (r == 0 && fdatasync(fd) < 0)
        r = -errno;
    close(fd);
    return r;
}
