// The client behind proxies. Pure.
//
// Headers are believed only from configured proxies, and only one step at a time from the right, because
// whatever stands further left was written by somebody further out. Forwarded and X-Real-IP are not read at
// all.

#include "base/http_client.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/http_char.h"

static bool address_parse(struct slice text, struct in6_addr *out)
{
    char buffer[INET6_ADDRSTRLEN];
    struct in_addr v4;

    if (text.len == 0 || text.len >= sizeof(buffer) || memchr(text.data, '\0', text.len))
        return false;
    memcpy(buffer, text.data, text.len);
    buffer[text.len] = '\0';
    if (memchr(buffer, ':', text.len))
        return inet_pton(AF_INET6, buffer, out) == 1;
    if (inet_pton(AF_INET, buffer, &v4) != 1)
        return false;
    memset(out, 0, sizeof(*out));
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(out->s6_addr + 12, &v4, sizeof(v4));
    return true;
}

static bool port_valid(struct slice text)
{
    if (text.len < 1 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return true;
}

// "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80"
static bool hop_parse(struct slice hop, struct in6_addr *out)
{
    const char *end = hop.data + hop.len;

    if (hop.len > 0 && hop.data[0] == '[') {
        const char *close = memchr(hop.data, ']', hop.len);
        if (!close)
            return false;
        struct slice rest = {close + 1, (size_t)(end - close - 1)};
        bool port =
            rest.len > 1 && rest.data[0] == ':' && port_valid((struct slice){rest.data + 1, rest.len - 1});
        return (rest.len == 0 || port) &&
               address_parse((struct slice){hop.data + 1, (size_t)(close - hop.data - 1)}, out) &&
               memchr(hop.data, ':', (size_t)(close - hop.data));
    }
    const char *colon = hop.len > 0 ? memchr(hop.data, ':', hop.len) : NULL;
    if (colon && memchr(hop.data, '.', (size_t)(colon - hop.data)) &&
        port_valid((struct slice){colon + 1, (size_t)(end - colon - 1)}))
        hop.len = (size_t)(colon - hop.data);
    return address_parse(hop, out);
}

static bool prefix_parse(struct slice text, unsigned max, unsigned *out)
{
    *out = 0;
    if (text.len < 1 || text.len > 3)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(text.data[i] - '0');
    }
    return *out <= max;
}

static bool network_parse(struct slice text, struct http_network *out)
{
    const char *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
    struct slice address = {text.data, slash ? (size_t)(slash - text.data) : text.len};
    unsigned prefix = 0;

    if (!address_parse(address, &out->address))
        return false;
    out->prefix = 128;
    if (!slash)
        return true;
    bool v4 = !memchr(address.data, ':', address.len);
    if (!prefix_parse((struct slice){slash + 1, text.len - address.len - 1}, v4 ? 32 : 128, &prefix))
        return false;
    out->prefix = v4 ? prefix + 96 : prefix;
    return true;
}

int http_proxies_parse(struct http_proxies *proxies, struct slice text)
{
    proxies->n = 0;
    text = slice_trim(text);
    while (text.len > 0) {
        const char *comma = memchr(text.data, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.data) : text.len;
        if (proxies->n == HTTP_PROXIES_MAX ||
            !network_parse(slice_trim((struct slice){text.data, len}), &proxies->network[proxies->n]))
            return HTTP_PROXIES_MALFORMED;
        proxies->n++;
        if (!comma)
            return 0;
        text = (struct slice){text.data + len + 1, text.len - len - 1};
        if (text.len == 0)
            return HTTP_PROXIES_MALFORMED;
    }
    return 0;
}

static bool network_holds(const struct http_network *network, const struct in6_addr *address)
{
    unsigned whole = network->prefix / 8, rest = network->prefix % 8;

    if (memcmp(network->address.s6_addr, address->s6_addr, whole) != 0)
        return false;
    return rest == 0 || (network->address.s6_addr[whole] ^ address->s6_addr[whole]) >> (8 - rest) == 0;
}

bool http_proxies_trust(const struct http_proxies *proxies, const struct in6_addr *address)
{
    for (size_t i = 0; i < proxies->n; i++)
        if (network_holds(&proxies->network[i], address))
            return true;
    return false;
}

// Walks one header's elements from the right. true: *client is final.
static bool walk(const struct http_proxies *proxies, struct slice list, unsigned *hops,
                 struct in6_addr *client)
{
    for (;;) {
        const char *comma = list.len > 0 ? memrchr(list.data, ',', list.len) : NULL;
        size_t from = comma ? (size_t)(comma - list.data) + 1 : 0;
        struct in6_addr hop;
        if (++*hops > HTTP_HOPS_MAX ||
            !hop_parse(slice_trim((struct slice){list.data + from, list.len - from}), &hop))
            return true;
        *client = hop;
        if (!http_proxies_trust(proxies, &hop))
            return true;
        if (!comma)
            return false;
        list.len = from - 1;
    }
}

struct in6_addr http_client(const struct http_proxies *proxies, const struct http_request *request)
{
    struct in6_addr client = request->peer.address;
    unsigned hops = 0;

    if (!http_proxies_trust(proxies, &client))
        return client;
    for (size_t i = request->n_headers; i-- > 0;)
        if (http_char_same(request->headers[i].name, SLICE("X-Forwarded-For")) &&
            walk(proxies, request->headers[i].value, &hops, &client))
            break;
    return client;
}
