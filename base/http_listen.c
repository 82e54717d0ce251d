// Listening sockets and what comes out of them. At most ACCEPTS_MAX connections are taken per socket and
// turn. Out of file descriptors or memory, listening pauses for RETRY_MS instead of spinning on a socket that
// stays readable. Above connections_max a connection takes the place of one that has said nothing, or not all
// of its request, for patience_ms, so that silent and slow clients cannot keep others out; without such a one
// it gets 503 before its request is looked at.

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http_internal.h"

enum {
    ACCEPTS_MAX = 64,
    BACKLOG = 4096, // the kernel caps it at net.core.somaxconn
    RETRY_MS = 100,
};

// --- Connections -----------------------------------------------------------------------------------------

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

static struct http_peer peer_of(const union address *address)
{
    struct http_peer peer = {0};

    if (address->any.sa_family == AF_INET6) {
        peer.address = address->v6.sin6_addr;
        peer.port = ntohs(address->v6.sin6_port);
    } else if (address->any.sa_family == AF_INET) {
        peer.address.s6_addr[10] = peer.address.s6_addr[11] = 0xff;
        memcpy(&peer.address.s6_addr[12], &address->v4.sin_addr, sizeof(address->v4.sin_addr));
        peer.port = ntohs(address->v4.sin_port);
    }
    return peer;
}

// No slot for a lingering close is left: what the socket takes at once, and away. What has arrived is thrown
// away, since a close over it would be a reset, which may overtake the answer.
static void shed_at_once(struct http_server *server, int fd)
{
    char text[128], scratch[4096];
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 503 Service Unavailable\r\nRetry-After: %u\r\nContent-Length: "
                     "0\r\nConnection: close\r\n\r\n",
                     server->limits.retry_after_s);

    assert(n > 0 && (size_t)n < sizeof(text));
    (void)!send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)!recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);
    close(fd);
}

static int conn_begin(struct http_server *server, int fd, const union address *address)
{
    struct http_peer peer = peer_of(address);

    if (server->n_conns >= server->limits.connections_max)
        http_conn_make_room(server);
    bool shed = server->n_conns >= server->limits.connections_max;
    struct http_conn *conn = http_conn_new(server, fd, &peer);

    server->counters.accepted++;
    server->counters.shed += shed || conn == NULL;
    if (conn == NULL) {
        server->counters.closed++;
        shed_at_once(server, fd);
        return -ENOBUFS;
    }
    if (shed)
        http_conn_fault(conn, HTTP_FAULT_NONE, 503);
    else
        http_input_read_more(conn);
    return 0;
}

int http_server_connect(struct http_server *server, int fd)
{
    union address address = {0};
    socklen_t length = sizeof(address);

    if (getpeername(fd, &address.any, &length) != 0 || evutil_make_socket_nonblocking(fd) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return conn_begin(server, fd, &address);
}

// --- Accepting -------------------------------------------------------------------------------------------

static void listen_pause(struct http_server *server)
{
    static const struct timeval delay = {.tv_usec = RETRY_MS * 1000};

    server->counters.accept_failed++;
    for (unsigned i = 0; i < server->n_listeners; i++)
        event_del(&server->listeners[i].event);
    event_add(&server->accept_event, &delay);
}

void http_listen_on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;

    (void)fd;
    (void)what;
    for (unsigned i = 0; i < server->n_listeners; i++)
        if (event_add(&server->listeners[i].event, NULL) != 0) {
            listen_pause(server);
            return;
        }
}

// false: there is nothing more to take.
static bool listen_accept(struct http_listener *listener)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        union address address = {0};
        socklen_t length = sizeof(address);
        int client = accept4(listener->fd, &address.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int error = client < 0 ? errno : 0;

        if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
            listen_pause(listener->server);
        if (error == 0)
            (void)!conn_begin(listener->server, client, &address);
        else if (error != ECONNABORTED && error != EINTR)
            return false;
    }
    return true;
}

static void listen_on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    listen_accept(arg);
}

void http_listen_empty(struct http_server *server)
{
    for (unsigned i = 0; i < server->n_listeners; i++)
        for (int n = 0; n < BACKLOG / ACCEPTS_MAX && listen_accept(&server->listeners[i]); n++)
            continue;
}

// --- Listening -------------------------------------------------------------------------------------------

static int listen_start(struct http_server *server, int fd)
{
    int is_listening = 0, one = 1;
    socklen_t length = sizeof(is_listening);

    if (server->n_listeners == HTTP_LISTENERS_MAX)
        return -ENOSPC;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || evutil_make_socket_nonblocking(fd) != 0)
        return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); // inherited; a unix socket has none
    if (!is_listening && listen(fd, BACKLOG) != 0)
        return -errno;

    struct http_listener *listener = &server->listeners[server->n_listeners];
    listener->server = server;
    listener->fd = fd;
    event_assign(&listener->event, server->base, fd, EV_READ | EV_PERSIST, listen_on_readable, listener);
    if (event_add(&listener->event, NULL) != 0)
        return -ENOMEM;
    server->n_listeners++;
    return 0;
}

int http_server_adopt(struct http_server *server, int fd)
{
    return listen_start(server, fd);
}

static int address_parse(const char *host, uint16_t port, union address *address, socklen_t *length)
{
    *address = (union address){0};
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        *length = sizeof(address->v4);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        *length = sizeof(address->v6);
        return 0;
    }
    return -EINVAL;
}

static int listen_bind(int fd, const union address *address, socklen_t length, bool reuse_port)
{
    int one = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0) ||
        bind(fd, &address->any, length) != 0)
        return -errno;
    return 0;
}

int http_server_listen(struct http_server *server, const char *host, uint16_t port, bool reuse_port)
{
    union address address;
    socklen_t length;
    int result = address_parse(host, port, &address, &length);

    if (result != 0)
        return result;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    result = listen_bind(fd, &address, length, reuse_port);
    if (result == 0)
        result = listen_start(server, fd);
    if (result != 0)
        close(fd);
    return result;
}

uint16_t http_server_port(const struct http_server *server)
{
    union address address = {0};
    socklen_t length = sizeof(address);

    if (server->n_listeners == 0 || getsockname(server->listeners[0].fd, &address.any, &length) != 0)
        return 0;
    return peer_of(&address).port;
}

void http_listen_close(struct http_server *server)
{
    event_del(&server->accept_event);
    while (server->n_listeners > 0) {
        struct http_listener *listener = &server->listeners[--server->n_listeners];
        event_del(&listener->event);
        close(listener->fd);
    }
}
