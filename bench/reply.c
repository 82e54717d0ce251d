// Reads the heads of answers. Lenient where a server may differ; what it cannot frame ends the connection.
// Owns nothing.

#include "bench/reply.h"

#include <string.h>
#include <strings.h>

#include "base/click_id.h"

#define STATUS_LINE_BYTES 12 // "HTTP/1.1 302"
#define BODY_DIGITS_MAX   9

static bool is_name(struct slice name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.data, wanted, name.len) == 0;
}

static bool is_id_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
}

// The parameter click_id of a URL.
static struct slice id_find(struct slice url)
{
    static const char name[] = "click_id=";
    const char *at = url.data, *end = url.data + url.len;

    while ((at = memmem(at, (size_t)(end - at), name, sizeof(name) - 1))) {
        const char *id = at + sizeof(name) - 1;
        size_t len = 0;
        while (id + len < end && is_id_character(id[len]))
            len++;
        if (at > url.data && (at[-1] == '?' || at[-1] == '&') && len == CLICK_ID_TEXT_BYTES)
            return (struct slice){id, len};
        at = id;
    }
    return SLICE_NONE;
}

static bool length_read(struct slice value, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        *out = *out * 10 + (size_t)(value.data[i] - '0');
    }
    return value.len > 0 && value.len <= BODY_DIGITS_MAX;
}

static void header_read(struct reply *reply, struct slice name, struct slice value, bool *framed)
{
    if (is_name(name, "location"))
        reply->click_id = id_find(value);
    else if (is_name(name, "set-cookie"))
        reply->set_cookie = value;
    else if (is_name(name, "content-length"))
        *framed = length_read(value, &reply->body_bytes);
    else if (is_name(name, "connection") && is_name(value, "close"))
        reply->last = true;
}

static void headers_read(struct reply *reply, const char *at, const char *end)
{
    bool framed = reply->status == 204 || reply->status == 304;

    while (at < end) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        const char *colon = memchr(at, ':', (size_t)(line_end - at));
        if (colon)
            header_read(reply, (struct slice){at, (size_t)(colon - at)},
                        slice_trim((struct slice){colon + 1, (size_t)(line_end - colon - 1)}), &framed);
        at = line_end + 2;
    }
    if (!framed) {
        reply->body_bytes = 0;
        reply->last = true;
    }
}

int reply_parse(struct slice input, struct reply *reply)
{
    const char *end = memmem(input.data, input.len, "\r\n\r\n", 4);

    if (input.len >= 7 && memcmp(input.data, "HTTP/1.", 7) != 0)
        return REPLY_MALFORMED;
    if (!end)
        return REPLY_MORE;
    *reply = (struct reply){.head_bytes = (size_t)(end - input.data) + 4};
    if (end - input.data < STATUS_LINE_BYTES || input.data[8] != ' ')
        return REPLY_MALFORMED;
    for (size_t i = 9; i < STATUS_LINE_BYTES; i++) {
        if (input.data[i] < '0' || input.data[i] > '9')
            return REPLY_MALFORMED;
        reply->status = reply->status * 10 + (unsigned)(input.data[i] - '0');
    }
    reply->last = input.data[7] == '0';
    const char *line_end = memchr(input.data, '\r', (size_t)(end - input.data) + 1);
    headers_read(reply, line_end + 2, end);
    return 0;
}
