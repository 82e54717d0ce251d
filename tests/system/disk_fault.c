// Makes a disk fail under a real program, by LD_PRELOAD: what the program asks of files below a folder named
// "journal" gets the errno that the file DISK_FAULT says, line by line `<call> <errno>`, as long as it is
// there. Each sync is noted in DISK_FAULT_LOG as `<call> <path> <0 or errno>`, so that a test can see who
// asked twice.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PATH_BYTES = 512,
    TEXT_BYTES = 256,
};

static bool path_of(int fd, char path[PATH_BYTES])
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_BYTES - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 0 && strstr(path, "/journal") != NULL;
}

// The errno that the test wants, or 0.
static int fault_of(const char *call)
{
    const char *file = getenv("DISK_FAULT");
    char text[TEXT_BYTES] = "", name[32];
    int error, found = 0;

    int fd = file != NULL ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (sscanf(line, "%31s %d", name, &error) == 2 && strcmp(name, call) == 0)
            found = error;
        if (strchr(line, '\n') == NULL)
            break;
    }
    return found;
}

// 0, or -1 with errno.
static int fault_now(const char *call, int fd, char path[PATH_BYTES])
{
    int error = path_of(fd, path) ? fault_of(call) : 0;

    if (error != 0)
        errno = error;
    return error != 0 ? -1 : 0;
}

static void sync_note(const char *call, const char *path, int result)
{
    const char *file = getenv("DISK_FAULT_LOG");
    char text[PATH_BYTES + 64];
    int error = errno, n = snprintf(text, sizeof(text), "%s %s %d\n", call, path, result != 0 ? error : 0);

    int fd = file != NULL
                 ? (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                 : -1;
    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, text, (size_t)n);
        close(fd);
    }
    errno = error;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    char path[PATH_BYTES];

    return fault_now("write", fd, path) != 0 ? -1 : syscall(SYS_write, fd, bytes, len);
}

int fdatasync(int fd)
{
    char path[PATH_BYTES];
    int result = fault_now("fdatasync", fd, path) != 0 ? -1 : (int)syscall(SYS_fdatasync, fd);

    if (strstr(path, "/journal") != NULL)
        sync_note("fdatasync", path, result);
    return result;
}

int fsync(int fd)
{
    char path[PATH_BYTES];
    int result = fault_now("fsync", fd, path) != 0 ? -1 : (int)syscall(SYS_fsync, fd);

    if (strstr(path, "/journal") != NULL)
        sync_note("fsync", path, result);
    return result;
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    char path[PATH_BYTES];

    return fault_now("fallocate", fd, path) != 0 ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int mkdirat(int fd, const char *name, mode_t mode)
{
    char path[PATH_BYTES];

    return fault_now("mkdirat", fd, path) != 0 ? -1 : (int)syscall(SYS_mkdirat, fd, name, mode);
}

int openat(int fd, const char *name, int flags, ...)
{
    char path[PATH_BYTES];
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
        if (fault_now("create", fd, path) != 0)
            return -1;
    }
    return (int)syscall(SYS_openat, fd, name, flags, mode);
}
