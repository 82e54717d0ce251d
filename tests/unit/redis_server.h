#pragma once

// A redis-server of a test's own: on a unix socket in a new folder under /tmp, without persistence unless
// asked for, stopped and removed at the end.

#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
    char dir[64], socket[80];
    pid_t pid; // 0: not running
};

void redis_server_init(struct redis_server *server);
// Starts it and waits until it answers. `extra`: NULL or further arguments, NULL at the end.
void redis_server_start(struct redis_server *server, const char *const extra[]);
void redis_server_kill(struct redis_server *server, int signal); // and waits for its end
void redis_server_deinit(struct redis_server *server);
