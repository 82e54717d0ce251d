// Starts and stops a real redis-server for tests. The server dies with the test (PR_SET_PDEATHSIG).

#include "redis_server.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX  32
#define TRIES_MAX 1000 // of 10 ms

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

void redis_server_init(struct redis_server *server)
{
    *server = (struct redis_server){.dir = "/tmp/clickledger-test-XXXXXX"};
    must(mkdtemp(server->dir), "mkdtemp");
    snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->dir);
}

static bool answers(const struct redis_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char reply[7] = "";

    memcpy(address.sun_path, server->socket, strlen(server->socket));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
              write(fd, "PING\r\n", 6) == 6 && read(fd, reply, sizeof(reply)) == 7 &&
              memcmp(reply, "+PONG", 5) == 0;
    close(fd);
    return up;
}

static void exec_server(const struct redis_server *server, const char *const extra[])
{
    const char *args[ARGS_MAX] = {
        "redis-server", "--port",    "0",        "--unixsocket", server->socket, "--dir",
        server->dir,    "--save",    "",         "--appendonly", "no",           "--loglevel",
        "warning",      "--logfile", "redis.log"};
    size_t n = 15;

    for (; extra && *extra && n < ARGS_MAX - 1; extra++)
        args[n++] = *extra;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(args[0], (char *const *)(void *)args);
    _exit(127);
}

void redis_server_start(struct redis_server *server, const char *const extra[])
{
    server->pid = fork();
    must(server->pid >= 0, "fork");
    if (server->pid == 0)
        exec_server(server, extra);
    for (int i = 0; !answers(server); i++) {
        must(i < TRIES_MAX, "redis-server does not answer");
        usleep(10000);
    }
}

void redis_server_kill(struct redis_server *server, int signal)
{
    if (server->pid == 0)
        return;
    kill(server->pid, signal);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
    unlink(server->socket);
}

void redis_server_deinit(struct redis_server *server)
{
    char command[128];

    redis_server_kill(server, SIGKILL);
    snprintf(command, sizeof(command), "rm -rf %s", server->dir);
    must(system(command) == 0, "rm");
}
