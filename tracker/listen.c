// Binds sockets, and knows them again. The supervisor does it and keeps the sockets, so that connections
// which wait in a queue outlive a worker that died, and an upgrade.

#include "tracker/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int socket_bind(const struct addrinfo *address, bool shared)
{
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

static struct addrinfo *address_find(const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    char service[8];

    snprintf(service, sizeof(service), "%u", (unsigned)port);
    return getaddrinfo(host, service, &hints, &address) == 0 ? address : NULL;
}

int listen_bind(const char *host, uint16_t port, bool shared)
{
    struct addrinfo *address = address_find(host, port);

    if (!address)
        return -EINVAL;
    int fd = socket_bind(address, shared);
    freeaddrinfo(address);
    return fd;
}

static bool address_same(const struct sockaddr_storage *one, const struct sockaddr *other)
{
    const struct sockaddr_in *v4 = (const void *)one, *other_v4 = (const void *)other;
    const struct sockaddr_in6 *v6 = (const void *)one, *other_v6 = (const void *)other;

    if (one->ss_family != other->sa_family)
        return false;
    if (one->ss_family == AF_INET)
        return v4->sin_port == other_v4->sin_port && v4->sin_addr.s_addr == other_v4->sin_addr.s_addr;
    return v6->sin6_port == other_v6->sin6_port &&
           memcmp(&v6->sin6_addr, &other_v6->sin6_addr, sizeof(v6->sin6_addr)) == 0;
}

bool listen_is_bound(int fd, const char *host, uint16_t port)
{
    struct sockaddr_storage bound = {0};
    socklen_t bytes = sizeof(bound);
    struct addrinfo *address = address_find(host, port);

    bool same = address && getsockname(fd, (struct sockaddr *)&bound, &bytes) == 0 &&
                address_same(&bound, address->ai_addr);
    if (address)
        freeaddrinfo(address);
    return same;
}
