// What a redirect cannot be cheaper than: a bare epoll loop that answers every request head with one constant
// 302. A peer of bench/run click, no server: it reads no request. Usage: epoll_peer PORT

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX  512
#define INPUT_BYTES 16384
#define BACKLOG     4096

static const char answer[] =
    "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: https://shop.example/\r\n\r\n";

static int listen_on(const char *port)
{
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0)
        return -1;
    return fd;
}

static void accept_all(int epoll_fd, int listen_fd)
{
    const int one = 1;
    int fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            close(fd);
    }
}

// A head that comes in two parts has its end in the second; its beginning says nothing that would be needed.
static void serve(int fd)
{
    static char input[INPUT_BYTES];
    ssize_t n = recv(fd, input, sizeof(input), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close(fd);
        return;
    }
    bool whole = n >= 4 && memcmp(input + n - 4, "\r\n\r\n", 4) == 0;
    if (whole && send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(answer) - 1)
        close(fd);
}

int main(int argc, char **argv)
{
    int listen_fd = argc == 2 ? listen_on(argv[1]) : -1, epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ready[EVENTS_MAX], event = {.events = EPOLLIN, .data.fd = listen_fd};

    if (listen_fd < 0 || epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0) {
        perror("epoll_peer PORT");
        return EXIT_FAILURE;
    }
    for (;;) {
        int n = epoll_wait(epoll_fd, ready, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++)
            if (ready[i].data.fd == listen_fd)
                accept_all(epoll_fd, listen_fd);
            else
                serve(ready[i].data.fd);
    }
}
