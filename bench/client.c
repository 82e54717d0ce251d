// A client's states: CLOSED -> CONNECTING -> SENDING -> WAITING -> (BODY) -> IDLE or CLOSED. Owner: the
// engine. Never blocks, never asks twice: what was not answered is reported, not repeated.

#include "bench/client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/util.h"

static void client_set_state(struct client *client, enum client_state state)
{
    client->state = state;
}

bool client_asks(const struct client *client)
{
    switch (client->state) {
    case CLIENT_CLOSED:
    case CLIENT_IDLE:
        return false;
    case CLIENT_CONNECTING:
    case CLIENT_SENDING:
    case CLIENT_WAITING:
    case CLIENT_BODY:
        return true;
    }
    return false;
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client_set_state(client, CLIENT_CLOSED);
}

static void client_fail(struct client *client, enum client_failure failure, int error)
{
    client_close(client);
    client->events->failed(client->ctx, client, failure, error);
}

void client_give_up(struct client *client)
{
    client_fail(client, CLIENT_TIMED_OUT, 0);
}

static int client_socket(struct client *client)
{
    const struct client_target *target = client->target;
    const int one = 1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = client};

    client->fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return -errno;
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (target->from_bytes > 0) {
        // The port is chosen at connect(), when the peer is known, so that all of them can be used.
        (void)setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
        if (bind(client->fd, (const struct sockaddr *)&target->from, target->from_bytes) != 0)
            return -errno;
    }
    if (connect(client->fd, (const struct sockaddr *)&target->address, target->address_bytes) != 0 &&
        errno != EINPROGRESS)
        return -errno;
    return epoll_ctl(target->epoll_fd, EPOLL_CTL_ADD, client->fd, &event) == 0 ? 0 : -errno;
}

static void client_send(struct client *client)
{
    while (client->sent < client->request.len) {
        ssize_t n = send(client->fd, client->request.data + client->sent, client->request.len - client->sent,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0 && errno != EINTR) {
            client_fail(client, CLIENT_ENDED, errno);
            return;
        }
        client->sent += n > 0 ? (size_t)n : 0;
    }
    client_set_state(client, CLIENT_WAITING);
}

void client_ask(struct client *client, struct slice request, uint64_t due_ns, uint64_t now_ns)
{
    client->request = request;
    client->due_ns = due_ns;
    client->started_ns = now_ns;
    client->sent = client->input_bytes = 0;
    if (client->state == CLIENT_IDLE) {
        client_set_state(client, CLIENT_SENDING);
        client_send(client);
        return;
    }
    client_set_state(client, CLIENT_CONNECTING);
    int r = client_socket(client);
    if (r)
        client_fail(client, CLIENT_NOT_CONNECTED, -r);
}

static void client_connected(struct client *client)
{
    int error = 0;
    socklen_t bytes = sizeof(error);

    (void)getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
    if (error != 0) {
        client_fail(client, CLIENT_NOT_CONNECTED, error);
        return;
    }
    client_set_state(client, CLIENT_SENDING);
    client_send(client);
}

static void client_finish(struct client *client)
{
    if (client->target->close || client->reply.last)
        client_close(client);
    else
        client_set_state(client, CLIENT_IDLE);
    client->events->answered(client->ctx, client, &client->reply);
}

static void client_parse(struct client *client)
{
    int r = reply_parse((struct slice){client->input, client->input_bytes}, &client->reply);

    if (r == REPLY_MALFORMED || (r == REPLY_MORE && client->input_bytes == CLIENT_INPUT_BYTES)) {
        client_fail(client, CLIENT_NOT_HTTP, 0);
        return;
    }
    if (r)
        return;
    size_t body = client->input_bytes - client->reply.head_bytes;
    if (body < client->reply.body_bytes) {
        client->body_left = client->reply.body_bytes - body;
        client_set_state(client, CLIENT_BODY);
        return;
    }
    client_finish(client);
}

// A body is read behind the head, which is kept: the reply points into it.
static void client_took(struct client *client, size_t n)
{
    if (client->state == CLIENT_WAITING) {
        client->input_bytes += n;
        client_parse(client);
        return;
    }
    client->body_left -= min_of(n, client->body_left);
    if (client->body_left == 0)
        client_finish(client);
}

static void client_ended(struct client *client, int error)
{
    if (client_asks(client))
        client_fail(client, CLIENT_ENDED, error);
    else
        client_close(client); // a server may end what is idle
}

// Once: an edge that comes while the answer is handled is a new event, and a short read has taken everything.
static void client_read(struct client *client)
{
    bool more = true;

    while (more && client->fd >= 0) {
        char rest[CLIENT_INPUT_BYTES];
        bool head = client->state == CLIENT_WAITING;
        char *to = head ? client->input + client->input_bytes : rest;
        size_t room = head ? CLIENT_INPUT_BYTES - client->input_bytes : sizeof(rest);
        ssize_t n = recv(client->fd, to, room, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            client_ended(client, n < 0 ? errno : 0);
            return;
        }
        more = (size_t)n == room;
        if (client_asks(client))
            client_took(client, (size_t)n);
    }
}

void client_handle(struct client *client, uint32_t epoll_events)
{
    if (client->state == CLIENT_CONNECTING) {
        if (epoll_events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            client_connected(client);
    } else if (client->state == CLIENT_SENDING && epoll_events & EPOLLOUT) {
        client_send(client);
    }
    if (client->fd >= 0 && epoll_events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        client_read(client);
    // Its end may have come together with the answer, which was a short read.
    if (client->fd >= 0 && epoll_events & (EPOLLRDHUP | EPOLLHUP))
        client_read(client);
}
