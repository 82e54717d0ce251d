#pragma once

// One connection that asks, one request at a time.

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"
#include "bench/reply.h"

#define CLIENT_INPUT_BYTES 16384 // the longest head of an answer

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING,
    CLIENT_IDLE,
    CLIENT_SENDING,
    CLIENT_WAITING, // for the head of the answer
    CLIENT_BODY,
};

enum client_failure {
    CLIENT_NOT_CONNECTED,
    CLIENT_ENDED,     // the connection ended without an answer: recorded or not, nobody knows
    CLIENT_TIMED_OUT, // likewise
    CLIENT_NOT_HTTP,
    CLIENT_FAILURES
};

struct client_target {
    struct sockaddr_storage address, from; // from.ss_family 0: any
    socklen_t address_bytes, from_bytes;
    int epoll_fd;
    bool close; // a new connection for each request
};

struct client;

struct client_events {
    void (*answered)(void *ctx, struct client *client, const struct reply *reply);
    void (*failed)(void *ctx, struct client *client, enum client_failure failure, int error);
};

struct client {
    const struct client_target *target;
    const struct client_events *events;
    void *ctx;
    enum client_state state;
    int fd;
    uint64_t due_ns, started_ns;
    struct slice request;
    size_t sent, input_bytes, body_left;
    struct reply reply;
    char *input; // CLIENT_INPUT_BYTES
};

// Sends one request; answered() or failed() will be called once, maybe before this returns. The client must
// be CLOSED or IDLE.
void client_ask(struct client *client, struct slice request, uint64_t due_ns, uint64_t now_ns);
void client_handle(struct client *client, uint32_t epoll_events);
void client_give_up(struct client *client); // failed(CLIENT_TIMED_OUT)
bool client_asks(const struct client *client);
void client_close(struct client *client);
