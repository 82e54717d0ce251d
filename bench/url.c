// Takes an http:// URL apart. Pure; slices point into the input. TLS is not spoken: load goes to the port
// behind the proxy, or the proxy is what would be measured.

#include "bench/url.h"

static bool part_copy(struct slice part, char *out, size_t room)
{
    if (part.len == 0 || part.len >= room)
        return false;
    memcpy(out, part.data, part.len);
    out[part.len] = '\0';
    return true;
}

static bool port_copy(struct slice port, char out[6])
{
    unsigned number = 0;

    for (size_t i = 0; i < port.len; i++) {
        if (port.data[i] < '0' || port.data[i] > '9')
            return false;
        number = number * 10 + (unsigned)(port.data[i] - '0');
    }
    return port.len <= 5 && number > 0 && number <= 65535 && part_copy(port, out, 6);
}

static bool authority_parse(struct slice authority, struct url *url)
{
    const char *end = authority.data + authority.len, *host_end, *colon;
    struct slice host = authority;

    if (authority.len == 0 || memchr(authority.data, '@', authority.len))
        return false;
    if (authority.data[0] == '[') {
        host_end = memchr(authority.data, ']', authority.len);
        if (!host_end)
            return false;
        host = (struct slice){authority.data + 1, (size_t)(host_end - authority.data - 1)};
        colon = host_end + 1;
    } else {
        colon = memchr(authority.data, ':', authority.len);
        colon = colon ? colon : end;
        host.len = (size_t)(colon - authority.data);
    }
    struct slice port = colon < end ? (struct slice){colon + 1, (size_t)(end - colon - 1)} : SLICE("80");
    return (colon == end || *colon == ':') && part_copy(host, url->host, sizeof(url->host)) &&
           port_copy(port, url->port);
}

int url_parse(struct slice text, struct url *url)
{
    const struct slice scheme = SLICE("http://");

    if (text.len < scheme.len || memcmp(text.data, scheme.data, scheme.len) != 0)
        return URL_REFUSED;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == '#')
            return URL_REFUSED;
    struct slice rest = {text.data + scheme.len, text.len - scheme.len};
    const char *slash = memchr(rest.data, '/', rest.len);
    url->authority = (struct slice){rest.data, slash ? (size_t)(slash - rest.data) : rest.len};
    url->path = slash ? (struct slice){slash, rest.len - url->authority.len} : SLICE("/");
    return authority_parse(url->authority, url) ? 0 : URL_REFUSED;
}
