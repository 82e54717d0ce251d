#pragma once

// The journal's outside doors, as pointers, so that tests can make the disk fail.

#include <sys/types.h>

struct journal_doors {
    ssize_t (*write)(int fd, const void *bytes, size_t len);
    ssize_t (*pread)(int fd, void *bytes, size_t len, off_t offset);
    int (*fdatasync)(int fd);
    int (*fallocate)(int fd, int mode, off_t offset, off_t len);
};

extern struct journal_doors journal_doors; // the real ones, unless a test changed them
