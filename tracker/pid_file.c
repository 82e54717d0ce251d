// One line with the pid, renamed into place, so that nobody reads half of it.

#include "tracker/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PID_TEXT_BYTES 32

int pid_file_write(const char *path)
{
    char aside[512], text[PID_TEXT_BYTES];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

    snprintf(aside, sizeof(aside), "%s.new", path);
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    int error = write(fd, text, (size_t)len) == len ? 0 : -EIO;
    close(fd);
    if (error == 0 && rename(aside, path) < 0)
        error = -errno;
    return error;
}

void pid_file_remove(const char *path)
{
    char text[PID_TEXT_BYTES] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len > 0 && strtol(text, NULL, 10) == (long)getpid())
        unlink(path);
}
