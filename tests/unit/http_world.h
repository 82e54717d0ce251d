#pragma once

// The world of the HTTP server's tests: a server, a client's socket, and a handler whose answers tell what it
// was asked. The test is the program's loop, so it sees what is written when. Include behind cmocka.h.

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http_server.h"

enum {
    GOT_BYTES_MAX = 4 * 1024 * 1024,
    TURNS_MAX = 200, // of at most a tick each, when waiting for a condition
    BIG_BYTES = 1024 * 1024,
};

struct world {
    struct event_base *base;
    struct http_server *server;
    int fd;        // the client's end
    int server_fd; // of the newest client
    char *got;
    size_t got_bytes;
    unsigned calls;
    bool hold_all;
    struct http_handle last;
    struct http_request seen; // slices are stale, the rest is not
};

extern struct world world;
extern char big[BIG_BYTES];

#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

int client_new(void);
void client_narrow(void); // the newest client's socket takes little at once
void world_open(const struct http_limits *limits);
int world_close(void **state);
void turn(void);
void say(const char *data, size_t len);
// What has come since the last call. true: the server has closed.
bool hear(void);
// What comes in so many turns, which happen here; its length.
size_t hear_on(int turns);
bool heard(const char *text);
unsigned count(const char *text);
const struct http_counters *counters(void);

#define SAY(text) say(text, sizeof(text) - 1)

#define TEST(f) cmocka_unit_test_teardown(f, world_close)
