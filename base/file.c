// Reads files whole, and refuses those that are too long.

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int fd_read(int fd, size_t bytes_max, char *out, size_t *len)
{
    *len = 0;
    while (*len <= bytes_max) {
        ssize_t n = read(fd, out + *len, bytes_max + 1 - *len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return 0;
        *len += n > 0 ? (size_t)n : 0;
    }
    return -EFBIG;
}

int file_read(const char *path, size_t bytes_max, struct slice *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return -errno;
    char *data = malloc(bytes_max + 1);
    int r = data ? fd_read(fd, bytes_max, data, &text->len) : -ENOMEM;
    close(fd);
    if (r)
        free(data);
    else
        text->data = data;
    return r;
}
