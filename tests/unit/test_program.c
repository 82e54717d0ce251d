// The frame round a program, run in forked children: exit codes, what is printed, signals, readiness.

#include "base/program.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct sample {
    struct log_settings log;
    int64_t workers;
};

static struct sample config;

static const struct config_option options[] = {
    LOG_OPTIONS(struct sample, log),
    {"tracker", "workers", CONFIG_INT, CONFIG_FIELD(struct sample, workers), 1, 64, "3", "processes", NULL},
};

static const struct {
    const char *usage;
    const char *arguments;
    int code;
    const char *says;
} lines[] = {
    {"", "t", 42, "next=1 workers=3"},
    {"", "t --config /nowhere", 2, "clickledger-tracker: /nowhere: No such file or directory\n"},
    {"", "t --config", 2, "clickledger-tracker: --config needs a file\n"},
    {"", "t --wrong", 2, "clickledger-tracker: unknown argument --wrong\n"},
    {"", "t peek", 2, "clickledger-tracker: unknown argument peek\n"},
    {"[peek]", "t peek", 42, "next=1 workers=3"},
    {"[peek]", "t --config /dev/null peek", 42, "next=3 workers=3"},
    {"[peek]", "t --help", 0, "usage: clickledger-tracker [--config FILE] [peek]\n"},
    {"", "t --version", 0, "clickledger-tracker " CLICKLEDGER_VERSION "\n"},
    {"", "t --describe-config", 0, "[log]\n# lines below this are dropped"},
};

static void child_run(size_t i, int out)
{
    struct program program = {"tracker", lines[i].usage, options, array_length(options),
                              &config,   &config.log};
    char words[128], *argv[8] = {NULL}, *rest = words;
    int argc = 0;

    snprintf(words, sizeof(words), "%s", lines[i].arguments);
    while ((argv[argc] = strsep(&rest, " ")))
        argc++;
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max / 2;
    setrlimit(RLIMIT_NOFILE, &limit);
    int next = program_start(&program, argc, argv);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur != limit.rlim_max)
        exit(43);
    printf("next=%d workers=%d", next, (int)config.workers);
    exit(42);
}

static void command_lines_are_answered(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(lines); i++) {
        int ends[2], status;
        char said[4096] = "";
        assert_int_equal(pipe(ends), 0);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0)
            child_run(i, ends[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        ssize_t n = read(ends[0], said, sizeof(said) - 1);
        close(ends[0]);
        close(ends[1]);
        if (n < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != lines[i].code ||
            strncmp(said, lines[i].says, strlen(lines[i].says)) != 0)
            fail_msg("line %zu: %d, %s", i, status, said);
    }
}

static void a_crash_leaves_no_core(void **state)
{
    struct program program = {"tracker", "", options, array_length(options), &config, &config.log};
    char name[] = "t", *argv[] = {name, NULL};
    int status;

    (void)state;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_CORE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_CORE, &limit);
        program_start(&program, 1, argv);
        if (prctl(PR_GET_DUMPABLE) != 0)
            exit(43);
        abort();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_false(WCOREDUMP(status));
}

static void a_signal_asks_to_stop(void **state)
{
    (void)state;
    int fd = program_stop_fd();
    assert_true(fd >= 0);
    assert_false(program_stop_requested(fd));
    raise(SIGTERM);
    assert_true(program_stop_requested(fd));
    assert_true(program_stop_requested(fd));
    close(fd);
}

static void settings_are_read_again(void **state)
{
    static const struct program program = {"tracker", "",         options, array_length(options),
                                           &config,   &config.log};
    struct sample next;
    char error[CONFIG_ERROR_BYTES];

    (void)state;
    config = (struct sample){.workers = 3, .log.level = LOG_WARN};
    assert_int_equal(program_settings_reread(&program, &next, error, sizeof(error)), 0);
    assert_int_equal(next.log.level, LOG_INFO);
    assert_int_equal(config.log.level, LOG_WARN);
    setenv("CLICKLEDGER_TRACKER_WORKERS", "4", 1);
    assert_int_equal(program_settings_reread(&program, &next, error, sizeof(error)), CONFIG_WRONG);
    assert_string_equal(error, "'workers' in [tracker] cannot change while the program runs");
    setenv("CLICKLEDGER_TRACKER_WORKERS", "many", 1);
    assert_int_equal(program_settings_reread(&program, &next, error, sizeof(error)), CONFIG_WRONG);
    assert_non_null(strstr(error, "CLICKLEDGER_TRACKER_WORKERS: must be"));
    unsetenv("CLICKLEDGER_TRACKER_WORKERS");
}

static void connections_leave_descriptors_for_the_rest(void **state)
{
    static const struct {
        rlim_t limit;
        unsigned wanted, possible;
    } cases[] = {{1000, 100, 100}, {1000, 840, 840}, {1000, 841, 840}, {200, 4096, 40}, {20, 4096, 1}};
    struct rlimit before;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < array_length(cases); i++) {
        struct rlimit limit = {cases[i].limit, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(program_connections(cases[i].wanted), cases[i].possible);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void readiness_is_told(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64], said[32] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    snprintf(name, sizeof(name), "@clickledger-test-%d", (int)getpid());
    memcpy(address.sun_path, name, strlen(name));
    address.sun_path[0] = '\0';
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    program_ready();
    assert_true(recv(fd, said, sizeof(said) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(said, "READY=1");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_are_answered),
        cmocka_unit_test(a_crash_leaves_no_core),
        cmocka_unit_test(a_signal_asks_to_stop),
        cmocka_unit_test(settings_are_read_again),
        cmocka_unit_test(connections_leave_descriptors_for_the_rest),
        cmocka_unit_test(readiness_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
