// What a successor accepts from its environment, and what it finds there.

#include "tracker/takeover.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracker/listen.h"
#include "tracker/pid_file.h"

static struct tracker_config config = {
    .host = "127.0.0.1", .admin_host = "127.0.0.1", .state = "/var/lib/a state"};
static struct takeover given = {.n = 2};
static char error[SETTINGS_ERROR_BYTES];

static int64_t port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t bytes = sizeof(address);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    return ntohs(address.sin_port);
}

static int setup(void **state)
{
    (void)state;
    given.listen_fd[0] = listen_bind("127.0.0.1", 0, true);
    config.port = port_of(given.listen_fd[0]);
    given.listen_fd[1] = listen_bind("127.0.0.1", (uint16_t)config.port, true);
    given.admin_fd = listen_bind("127.0.0.1", 0, false);
    config.admin_port = port_of(given.admin_fd);
    given.channel = open("/dev/null", O_RDWR);
    return given.listen_fd[1] >= 0 && given.channel >= 0 ? 0 : -1;
}

// C, A, L and M stand for channel, admin and listening sockets.
static int inherit(struct takeover *takeover, const char *pattern)
{
    static const char letters[] = "CALM";
    char text[512] = "";

    for (size_t len = 0; *pattern; pattern++, len = strlen(text)) {
        const char *letter = strchr(letters, *pattern);
        const int fds[] = {given.channel, given.admin_fd, given.listen_fd[0], given.listen_fd[1]};
        if (letter)
            snprintf(text + len, sizeof(text) - len, "%d", fds[letter - letters]);
        else
            snprintf(text + len, sizeof(text) - len, "%c", *pattern);
    }
    setenv(TAKEOVER_VARIABLE, text, 1);
    return takeover_inherit(takeover, &config, error);
}

static void what_is_handed_over_is_found(void **state)
{
    struct takeover found;

    (void)state;
    assert_int_equal(takeover_inherit(&found, &config, error), 0);
    assert_int_equal(found.channel, -1);
    for (unsigned i = 0; i < given.n; i++)
        fcntl(given.listen_fd[i], F_SETFD, 0);
    assert_int_equal(inherit(&found, "channel=C admin=A listen=L,M state=/var/lib/a state"), 0);
    assert_true(found.channel == given.channel && found.admin_fd == given.admin_fd && found.n == 2);
    assert_int_equal(fcntl(found.listen_fd[1], F_GETFD), FD_CLOEXEC);
    assert_null(getenv(TAKEOVER_VARIABLE));
}

static const struct {
    const char *variable, *error;
} mistakes[] = {
    {"", "is not what"},
    {"channel=C admin=A listen=L,M", "is not what"},
    {"channel=C admin=A listen=L,M, state=/var/lib/a state", "is not what"},
    {"channel=C admin=A listen= state=/var/lib/a state", "is not what"},
    {"channel=-C admin=A listen=L,M state=/var/lib/a state", "is not what"},
    {"channel=C admin=A listen=L,M00000 state=/var/lib/a state", "is not what"},
    {"channel=C admin=A listen=L,99999 state=/var/lib/a state", "is not what"}, // not open
    {"channel=C admin=A listen=L,M state=/var/lib/b", "'state'"},
    {"channel=C admin=A listen=L,0 state=/var/lib/a state", "'host' and 'port'"}, // no socket
    {"channel=C admin=L listen=L,M state=/var/lib/a state", "'admin_host' and 'admin_port'"},
    {"channel=C admin=A listen=L,A state=/var/lib/a state", "'host' and 'port'"},
};

static void anything_else_is_refused(void **state)
{
    struct takeover found;

    (void)state;
    for (size_t i = 0; i < array_length(mistakes); i++)
        if (inherit(&found, mistakes[i].variable) != TAKEOVER_REFUSED || !strstr(error, mistakes[i].error))
            fail_msg("mistake %zu: %s", i, error);
}

static void other_addresses_are_refused(void **state)
{
    static const char *const hosts[] = {"127.0.0.2", "0.0.0.0", "::1", "nonsense"};
    struct takeover found;

    (void)state;
    for (size_t i = 0; i < array_length(hosts); i++) {
        snprintf(config.host, sizeof(config.host), "%s", hosts[i]);
        assert_int_equal(inherit(&found, "channel=C admin=A listen=L,M state=/var/lib/a state"),
                         TAKEOVER_REFUSED);
    }
    snprintf(config.host, sizeof(config.host), "127.0.0.1");
}

static void only_ours_is_removed(void **state)
{
    char path[] = "/tmp/test_takeover.XXXXXX", text[32] = "", ours[32];
    int status;

    (void)state;
    int fd = mkstemp(path);
    assert_int_equal(pid_file_write(path), 0);
    close(fd);
    fd = open(path, O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    snprintf(ours, sizeof(ours), "%d\n", (int)getpid());
    assert_string_equal(text, ours);
    pid_t child = fork();
    if (child == 0) {
        pid_file_remove(path);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(access(path, F_OK), 0);
    pid_file_remove(path);
    assert_int_equal(access(path, F_OK), -1);
    close(fd);
    assert_true(pid_file_write("/nowhere/pid") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_handed_over_is_found),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(other_addresses_are_refused),
        cmocka_unit_test(only_ours_is_removed),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
