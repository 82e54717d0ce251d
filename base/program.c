// The frame round a program: command line, settings, signals, readiness.
// A mistake in command line or settings is told on stderr in words for the person who made it, with exit code
// 2, which the units in ops/ do not restart on.

#include "base/program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define EXIT_MISTAKE     2
#define DESCRIPTORS_KEPT 160 // for connections that are shed, journals, stores, pipes

static const char *settings_path; // of the command line, or NULL

static _Noreturn void program_refuse(const struct program *program, const char *what, const char *which)
{
    fprintf(stderr, "clickledger-%s: %s%s\n", program->name, what, which);
    exit(EXIT_MISTAKE);
}

static _Noreturn void program_help(const struct program *program)
{
    printf("usage: clickledger-%s [--config FILE] %s\n"
           "       clickledger-%s --describe-config | --version | --help\n"
           "Settings: the file, then environment variables CLICKLEDGER_<SECTION>_<NAME>.\n",
           program->name, program->usage, program->name);
    exit(EXIT_SUCCESS);
}

// The arguments that end the program at once.
static void argument_answer(const struct program *program, const char *argument)
{
    if (strcmp(argument, "--help") == 0)
        program_help(program);
    if (strcmp(argument, "--version") == 0) {
        printf("clickledger-%s %s\n", program->name, CLICKLEDGER_VERSION);
        exit(EXIT_SUCCESS);
    }
    if (strcmp(argument, "--describe-config") == 0) {
        config_describe(program->options, program->n_options, stdout);
        exit(EXIT_SUCCESS);
    }
}

static int arguments_read(const struct program *program, int argc, char **argv, const char **config_path)
{
    int i = 1;

    *config_path = NULL;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        argument_answer(program, argv[i]);
        if (strcmp(argv[i], "--config") != 0)
            program_refuse(program, "unknown argument ", argv[i]);
        if (++i == argc)
            program_refuse(program, "--config needs a file", "");
        *config_path = argv[i];
    }
    if (i < argc && program->usage[0] == '\0')
        program_refuse(program, "unknown argument ", argv[i]);
    return i;
}

// The usual soft limit of 1024 is for programs with select(); visitors must not use up what the journal
// needs.
static void descriptors_allow(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            log_event(LOG_WARN, "program.descriptors_few", log_errno(errno));
    }
}

unsigned program_connections(unsigned wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= (rlim_t)wanted + DESCRIPTORS_KEPT)
        return wanted;
    rlim_t left = limit.rlim_cur > DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT : 1;
    log_event(LOG_WARN, "program.connections_fewer", log_uint("wanted", wanted), log_uint("possible", left),
              log_uint("descriptors", limit.rlim_cur));
    return (unsigned)left;
}

int program_start(const struct program *program, int argc, char **argv)
{
    char error[CONFIG_ERROR_BYTES];
    const char *path;

    int next = arguments_read(program, argc, argv, &path);
    if (config_load(program->options, program->n_options, program->config, path, error, sizeof(error)))
        program_refuse(program, error, "");
    settings_path = path;
    prctl(PR_SET_DUMPABLE, 0);
    log_open(program->name, (enum log_level)program->log->level);
    signal(SIGPIPE, SIG_IGN);
    descriptors_allow();
    return next;
}

int program_settings_reread(const struct program *program, void *config, char *error, size_t error_bytes)
{
    int r = config_load(program->options, program->n_options, config, settings_path, error, error_bytes);
    if (r)
        return r;
    const struct config_option *frozen =
        config_frozen_change(program->options, program->n_options, program->config, config);
    if (!frozen)
        return 0;
    snprintf(error, error_bytes, "'%s' in [%s] cannot change while the program runs", frozen->name,
             frozen->section);
    return CONFIG_WRONG;
}

int program_stop_fd(void)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    if (sigprocmask(SIG_BLOCK, &stops, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

bool program_stop_requested(int stop_fd)
{
    struct pollfd ready = {.fd = stop_fd, .events = POLLIN};
    return poll(&ready, 1, 0) > 0;
}

static void systemd_tell(const char *path, const char *message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') // an abstract name
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address, bytes) < 0)
        log_event(LOG_WARN, "program.notify_failed", log_errno(errno));
    close(fd);
}

void program_notify(const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");

    if (path)
        systemd_tell(path, message);
}

void program_ready(void)
{
    log_event(LOG_INFO, "program.ready", log_str("version", CLICKLEDGER_VERSION));
    program_notify("READY=1");
}
