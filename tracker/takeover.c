// Handing sockets to a new process of the program, and finding them there. The numbers of the descriptors go
// through an environment variable, which only the parent of the new process can have set; it is parsed
// strictly all the same, and every descriptor must be a socket bound to what the settings say.

#include "tracker/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "tracker/listen.h"

#define VARIABLE_BYTES 1024
#define EXIT_NOT_FOUND 127

// --- The new process -------------------------------------------------------------------------------------

static bool text_take(const char **at, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool fd_take(const char **at, int *fd)
{
    int value = 0, digits = 0;

    for (; **at >= '0' && **at <= '9' && digits < 6; ++*at, digits++)
        value = value * 10 + (**at - '0');
    *fd = value;
    return digits > 0 && fcntl(value, F_SETFD, FD_CLOEXEC) == 0;
}

static bool listen_fds_take(const char **at, struct takeover *takeover)
{
    do {
        if (takeover->n == TRACKER_WORKERS_MAX || !fd_take(at, &takeover->listen_fd[takeover->n++]))
            return false;
    } while (text_take(at, ","));
    return true;
}

static bool variable_parse(struct takeover *takeover, const char *at, const char **state)
{
    if (!text_take(&at, "channel=") || !fd_take(&at, &takeover->channel) || !text_take(&at, " admin=") ||
        !fd_take(&at, &takeover->admin_fd) || !text_take(&at, " listen=") ||
        !listen_fds_take(&at, takeover) || !text_take(&at, " state="))
        return false;
    *state = at;
    return true;
}

static int refuse(char error[SETTINGS_ERROR_BYTES], const char *what)
{
    snprintf(error, SETTINGS_ERROR_BYTES,
             "%s cannot change in an upgrade; stop the tracker and start it anew", what);
    return TAKEOVER_REFUSED;
}

static int inherited_check(const struct takeover *takeover, const struct tracker_config *config,
                           const char *state, char error[SETTINGS_ERROR_BYTES])
{
    for (unsigned i = 0; i < takeover->n; i++)
        if (!listen_is_bound(takeover->listen_fd[i], config->host, (uint16_t)config->port))
            return refuse(error, "'host' and 'port' in [tracker]");
    if (!listen_is_bound(takeover->admin_fd, config->admin_host, (uint16_t)config->admin_port))
        return refuse(error, "'admin_host' and 'admin_port' in [tracker]");
    if (strcmp(state, config->state) != 0)
        return refuse(error, "'state' in [tracker]");
    return 0;
}

int takeover_inherit(struct takeover *takeover, const struct tracker_config *config,
                     char error[SETTINGS_ERROR_BYTES])
{
    char text[VARIABLE_BYTES];
    const char *variable = getenv(TAKEOVER_VARIABLE), *state;

    *takeover = (struct takeover){.channel = -1, .admin_fd = -1};
    if (!variable)
        return 0;
    snprintf(text, sizeof(text), "%s", variable);
    unsetenv(TAKEOVER_VARIABLE); // not for whom we start in turn
    if (variable_parse(takeover, text, &state))
        return inherited_check(takeover, config, state, error);
    snprintf(error, SETTINGS_ERROR_BYTES, "%s is not what a tracker hands over", TAKEOVER_VARIABLE);
    return TAKEOVER_REFUSED;
}

// --- The old process -------------------------------------------------------------------------------------

static void variable_write(const struct takeover *takeover, const char *state, char out[VARIABLE_BYTES])
{
    int len =
        snprintf(out, VARIABLE_BYTES, "channel=%d admin=%d listen=", takeover->channel, takeover->admin_fd);

    for (unsigned i = 0; i < takeover->n; i++)
        len += snprintf(out + len, (size_t)(VARIABLE_BYTES - len), "%s%d", i > 0 ? "," : "",
                        takeover->listen_fd[i]);
    snprintf(out + len, (size_t)(VARIABLE_BYTES - len), " state=%s", state);
}

static bool fd_keep(int fd)
{
    return fcntl(fd, F_SETFD, 0) == 0;
}

// Only what is handed over stays open.
static bool descriptors_keep(const struct takeover *takeover)
{
    bool kept = close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0 && fd_keep(takeover->channel) &&
                fd_keep(takeover->admin_fd);

    for (unsigned i = 0; i < takeover->n; i++)
        kept = kept && fd_keep(takeover->listen_fd[i]);
    return kept;
}

static _Noreturn void successor_main(const struct takeover *takeover, const char *state, const char *path,
                                     char *const argv[], const sigset_t *mask)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
    char variable[VARIABLE_BYTES];

    for (size_t i = 0; i < array_length(handled); i++)
        signal(handled[i], SIG_DFL); // our handlers would write to the old one's loop
    sigprocmask(SIG_SETMASK, mask, NULL);
    variable_write(takeover, state, variable);
    if (descriptors_keep(takeover) && setenv(TAKEOVER_VARIABLE, variable, 1) == 0)
        execv(path, argv);
    log_event(LOG_ERROR, "supervisor.exec_failed", log_str("path", path), log_errno(errno));
    _exit(EXIT_NOT_FOUND);
}

pid_t takeover_start(const struct takeover *takeover, const char *state, const char *path, char *const argv[],
                     int *channel)
{
    struct takeover theirs = *takeover;
    sigset_t all, mask;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    theirs.channel = ends[1];
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    pid_t pid = fork();
    if (pid == 0)
        successor_main(&theirs, state, path, argv, &mask);
    int error = -errno;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error;
    }
    *channel = ends[0];
    return pid;
}
