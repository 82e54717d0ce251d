// Method, target and host of a request. Authority form (CONNECT) is refused: this is no proxy. A backslash in
// a path is refused too, because clients disagree on whether it is a slash.

#include "base/http_target.h"

#include <arpa/inet.h>

#include "base/http_char.h"

enum {
    HOST_BYTES_MAX = 255,
    PORT_DIGITS_MAX = 5,
    PORT_MAX = 65535,
};

static const struct slice method_names[] = {
    [HTTP_GET] = {SLICE_PARTS("GET")},         [HTTP_HEAD] = {SLICE_PARTS("HEAD")},
    [HTTP_POST] = {SLICE_PARTS("POST")},       [HTTP_PUT] = {SLICE_PARTS("PUT")},
    [HTTP_PATCH] = {SLICE_PARTS("PATCH")},     [HTTP_DELETE] = {SLICE_PARTS("DELETE")},
    [HTTP_OPTIONS] = {SLICE_PARTS("OPTIONS")},
};

enum http_method http_method_of(struct slice name)
{
    for (size_t i = 0; i < array_length(method_names); i++)
        if (slice_equal(name, method_names[i]))
            return (enum http_method)i;
    return HTTP_OTHER;
}

static struct slice slice_from(struct slice text, size_t offset)
{
    return (struct slice){text.data + offset, text.len - offset};
}

// The length of the IPv6 address with its brackets, 0 if it is none.
static size_t host_literal_length(struct slice host)
{
    const char *end = memchr(host.data, ']', host.len);
    size_t len = end != NULL ? (size_t)(end - host.data) - 1 : 0;
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (len == 0 || len >= sizeof(text))
        return 0;
    memcpy(text, host.data + 1, len);
    text[len] = '\0';
    return strlen(text) == len && inet_pton(AF_INET6, text, &address) == 1 ? len + 2 : 0;
}

// Of what RFC 3986 lets a name have, nobody uses % and the sub-delims but to confuse ("a,b": two Hosts in
// one).
static size_t host_name_length(struct slice host)
{
    size_t i = 0;

    while (i < host.len && http_char_is(host.data[i], HTTP_CHAR_UNRESERVED))
        i++;
    return i <= HOST_BYTES_MAX ? i : 0;
}

static bool port_is_valid(struct slice port)
{
    unsigned number = 0;

    if (port.len == 0)
        return true;
    if (port.data[0] != ':' || port.len > 1 + PORT_DIGITS_MAX)
        return false;
    for (size_t i = 1; i < port.len; i++) {
        if (port.data[i] < '0' || port.data[i] > '9')
            return false;
        number = number * 10 + (unsigned)(port.data[i] - '0');
    }
    return number <= PORT_MAX;
}

bool http_host_is_valid(struct slice host)
{
    if (host.len == 0)
        return false;
    size_t n = host.data[0] == '[' ? host_literal_length(host) : host_name_length(host);
    return n > 0 && port_is_valid(slice_from(host, n));
}

static size_t scheme_length(struct slice target)
{
    static const struct slice schemes[] = {{SLICE_PARTS("http://")}, {SLICE_PARTS("https://")}};

    for (size_t i = 0; i < array_length(schemes); i++)
        if (target.len >= schemes[i].len &&
            http_char_same((struct slice){target.data, schemes[i].len}, schemes[i]))
            return schemes[i].len;
    return 0;
}

static bool target_split_origin(struct slice text, struct slice *path, struct slice *query)
{
    const char *mark = text.len > 0 ? memchr(text.data, '?', text.len) : NULL;
    size_t path_len = mark != NULL ? (size_t)(mark - text.data) : text.len;

    *path = (struct slice){text.data, path_len};
    *query = mark != NULL ? slice_from(text, path_len + 1) : SLICE_NONE;
    return path_len == 0 || memchr(text.data, '\\', path_len) == NULL;
}

bool http_target_split(struct slice target, enum http_method method, struct slice *host, struct slice *path,
                       struct slice *query)
{
    if (target.len == 0)
        return false;
    if (target.data[0] == '/')
        return target_split_origin(target, path, query);
    if (slice_equal(target, SLICE("*"))) {
        *path = target;
        *query = SLICE_NONE;
        return method == HTTP_OPTIONS;
    }

    size_t start = scheme_length(target), end = start;
    while (end < target.len && target.data[end] != '/' && target.data[end] != '?')
        end++;
    *host = (struct slice){target.data + start, end - start};
    if (start == 0 || !http_host_is_valid(*host) ||
        !target_split_origin(slice_from(target, end), path, query))
        return false;
    if (path->len == 0)
        *path = SLICE("/");
    return true;
}
