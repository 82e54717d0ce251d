// The head of a request, line by line (RFC 9112). What is complete is never looked at again; a line that is
// not is scanned anew when more of it is there, up to the same limit, so that the verdict does not depend on
// how the bytes were cut. Anything two readers could understand differently is refused at its first byte: a
// bare LF or CR, obs-fold, space before a colon, two hosts or Content-Lengths, both framings. One empty
// line before the request is skipped (RFC 9112, 2.2). Whoever owns the bytes tells http_head_move() when they
// move.

#include <assert.h>

#include "base/http_char.h"
#include "base/http_parse.h"
#include "base/http_target.h"

enum {
    METHOD_BYTES_MAX = 32,
    LENGTH_DIGITS_MAX = 19, // always fits in 64 bits
};

void http_head_start(struct http_head *head)
{
    struct http_header *headers = head->request.headers;

    assert(headers != NULL);
    *head = (struct http_head){.request.headers = headers};
}

static enum http_parse head_bad(struct http_head *head, enum http_fault fault)
{
    head->fault = fault;
    return HTTP_PARSE_BAD;
}

static struct slice slice_between(const char *start, const char *end)
{
    return (struct slice){start, (size_t)(end - start)};
}

static bool bytes_are(const char *p, const char *end, char c)
{
    return p < end && *p == c;
}

// CR LF at *p; moves behind it.
static enum http_parse line_end(struct http_head *head, const char **p, const char *end)
{
    if (*p == end)
        return HTTP_PARSE_MORE;
    if (**p == '\n')
        return head_bad(head, HTTP_FAULT_LINE_END);
    if (**p != '\r')
        return head_bad(head, HTTP_FAULT_LINE);
    if (*p + 1 == end)
        return HTTP_PARSE_MORE;
    if ((*p)[1] != '\n')
        return head_bad(head, HTTP_FAULT_LINE_END);
    *p += 2;
    return HTTP_PARSE_DONE;
}

// --- Request line ----------------------------------------------------------------------------------------

static enum http_parse line_method(struct http_head *head, const char **p, const char *end)
{
    const char *start = *p;

    *p = http_char_token_end(start, end);
    size_t len = (size_t)(*p - start);
    if (len > METHOD_BYTES_MAX)
        return head_bad(head, HTTP_FAULT_LINE);
    if (*p == end)
        return HTTP_PARSE_MORE;
    if (len == 0 || **p != ' ')
        return head_bad(head, **p == '\n' ? HTTP_FAULT_LINE_END : HTTP_FAULT_LINE);
    head->request.method_name = (struct slice){start, len};
    head->request.method = http_method_of(head->request.method_name);
    ++*p;
    return HTTP_PARSE_DONE;
}

static enum http_parse line_target(struct http_head *head, const char **p, const char *end)
{
    struct http_request *request = &head->request;
    const char *start = *p;

    *p = http_char_target_end(start, end);
    if (*p == end)
        return HTTP_PARSE_MORE;
    if (**p == '\n')
        return head_bad(head, HTTP_FAULT_LINE_END);
    if (**p == '\r')
        return head_bad(head, HTTP_FAULT_LINE); // no version: HTTP/0.9
    if (**p != ' ' || !http_target_split(slice_between(start, *p), request->method, &request->host,
                                         &request->path, &request->query))
        return head_bad(head, HTTP_FAULT_TARGET);
    head->options_star = request->path.data[0] == '*';
    ++*p;
    return HTTP_PARSE_DONE;
}

static enum http_parse line_version(struct http_head *head, const char **p, const char *end)
{
    static const char form[] = "HTTP/0.0"; // 0: a digit

    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (*p + i == end)
            return HTTP_PARSE_MORE;
        char c = (*p)[i];
        if (form[i] == '0' ? c < '0' || c > '9' : c != form[i])
            return head_bad(head, c == '\n' ? HTTP_FAULT_LINE_END : HTTP_FAULT_LINE);
    }
    char major = (*p)[5], minor = (*p)[7];
    if (major != '1' || minor > '1')
        return head_bad(head, HTTP_FAULT_VERSION);
    head->request.minor = (unsigned)(minor - '0');
    *p += sizeof(form) - 1;
    return HTTP_PARSE_DONE;
}

static enum http_parse head_line(struct http_head *head, const char **p, const char *end)
{
    enum http_parse result;

    if (bytes_are(*p, end, '\r') && (result = line_end(head, p, end)) != HTTP_PARSE_DONE)
        return result;
    if ((result = line_method(head, p, end)) != HTTP_PARSE_DONE ||
        (result = line_target(head, p, end)) != HTTP_PARSE_DONE ||
        (result = line_version(head, p, end)) != HTTP_PARSE_DONE)
        return result;
    return line_end(head, p, end);
}

// --- The fields that frame a request ---------------------------------------------------------------------

static enum http_fault field_host(struct http_head *head, struct slice value)
{
    if (head->has_host || !http_host_is_valid(value))
        return HTTP_FAULT_HOST;
    head->has_host = true;
    // An absolute target has named it: a client repeats it here (RFC 9112, 3.2.2), who does not has two in
    // mind.
    if (head->request.host.len > 0 && !http_char_same(value, head->request.host))
        return HTTP_FAULT_HOST;
    if (head->request.host.len == 0)
        head->request.host = value;
    return HTTP_FAULT_NONE;
}

static enum http_fault field_content_length(struct http_head *head, struct slice value)
{
    if (head->has_length || head->has_coding || value.len == 0 || value.len > LENGTH_DIGITS_MAX)
        return HTTP_FAULT_FRAMING;
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return HTTP_FAULT_FRAMING;
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    head->has_length = true;
    head->content_length = length;
    head->framing = HTTP_FRAMING_LENGTH;
    return HTTP_FAULT_NONE;
}

static bool coding_is_known(struct slice value)
{
    static const char *const names[] = {"gzip, chunked", "deflate, chunked", "compress, chunked"};

    for (size_t i = 0; i < array_length(names); i++)
        if (http_char_same(value, slice_of(names[i])))
            return true;
    return false;
}

static enum http_fault field_transfer_encoding(struct http_head *head, struct slice value)
{
    if (head->has_length || head->has_coding || head->request.minor == 0)
        return HTTP_FAULT_FRAMING;
    if (!http_char_same(value, SLICE("chunked")))
        return coding_is_known(value) ? HTTP_FAULT_CODING : HTTP_FAULT_FRAMING;
    head->has_coding = true;
    head->framing = HTTP_FRAMING_CHUNKED;
    return HTTP_FAULT_NONE;
}

static enum http_fault field_expect(struct http_head *head, struct slice value)
{
    if (!http_char_same(value, SLICE("100-continue")))
        return HTTP_FAULT_EXPECTATION;
    head->expect_continue = head->request.minor == 1; // RFC 9110, 10.1.1: not from a 1.0 client
    return HTTP_FAULT_NONE;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static enum http_fault field_connection(struct http_head *head, struct slice value)
{
    while (value.len > 0) {
        const char *comma = memchr(value.data, ',', value.len);
        const char *end = comma != NULL ? comma : value.data + value.len;
        struct slice option = slice_trim(slice_between(value.data, end));

        head->wants_close |= http_char_same(option, SLICE("close"));
        head->wants_keep_alive |= http_char_same(option, SLICE("keep-alive"));
        value = slice_between(comma != NULL ? end + 1 : end, value.data + value.len);
    }
    return HTTP_FAULT_NONE;
}

static enum http_fault head_field(struct http_head *head, struct slice name, struct slice value)
{
    static const struct {
        struct slice name;
        enum http_fault (*take)(struct http_head *head, struct slice value);
    } fields[] = {
        {{SLICE_PARTS("host")}, field_host},
        {{SLICE_PARTS("expect")}, field_expect},
        {{SLICE_PARTS("connection")}, field_connection},
        {{SLICE_PARTS("content-length")}, field_content_length},
        {{SLICE_PARTS("transfer-encoding")}, field_transfer_encoding},
    };

    for (size_t i = 0; i < array_length(fields); i++)
        if (http_char_same(name, fields[i].name))
            return fields[i].take(head, value);
    return HTTP_FAULT_NONE;
}

// --- Fields ----------------------------------------------------------------------------------------------

static enum http_parse field_name(struct http_head *head, const char **p, const char *end, struct slice *name)
{
    const char *start = *p;

    *p = http_char_token_end(start, end);
    if (*p == end)
        return HTTP_PARSE_MORE;
    if (**p == '\n')
        return head_bad(head, HTTP_FAULT_LINE_END);
    if (*p == start || **p != ':')
        return head_bad(head, HTTP_FAULT_HEADER);
    *name = slice_between(start, *p);
    ++*p;
    return HTTP_PARSE_DONE;
}

static enum http_parse field_value(struct http_head *head, const char **p, const char *end,
                                   struct slice *value)
{
    while (*p < end && is_blank(**p))
        ++*p;
    const char *start = *p;
    *p = http_char_value_end(start, end);
    if (*p == end)
        return HTTP_PARSE_MORE;
    *value = slice_trim(slice_between(start, *p));
    if (**p != '\r' && **p != '\n')
        return head_bad(head, HTTP_FAULT_HEADER);
    return line_end(head, p, end);
}

// One field; *p stays at its start unless it is complete.
static enum http_parse head_header(struct http_head *head, size_t headers_max, const char **p,
                                   const char *end)
{
    const char *next = *p;
    struct http_header header;
    enum http_parse result;

    if ((result = field_name(head, &next, end, &header.name)) != HTTP_PARSE_DONE ||
        (result = field_value(head, &next, end, &header.value)) != HTTP_PARSE_DONE)
        return result;
    if (head->request.n_headers == headers_max)
        return head_bad(head, HTTP_FAULT_HEADERS_LARGE);
    enum http_fault fault = head_field(head, header.name, header.value);
    if (fault != HTTP_FAULT_NONE)
        return head_bad(head, fault);
    head->request.headers[head->request.n_headers++] = header;
    *p = next;
    return HTTP_PARSE_DONE;
}

static enum http_parse head_finish(struct http_head *head)
{
    if (!head->has_host && head->request.minor == 1)
        return head_bad(head, HTTP_FAULT_HOST);
    head->keep_alive = !head->wants_close && (head->request.minor == 1 || head->wants_keep_alive);
    return HTTP_PARSE_DONE;
}

static enum http_parse head_headers(struct http_head *head, size_t headers_max, const char *data,
                                    const char *end)
{
    const char *p = data + head->parsed;
    enum http_parse result = HTTP_PARSE_DONE;

    while (result == HTTP_PARSE_DONE && !bytes_are(p, end, '\r')) {
        result = head_header(head, headers_max, &p, end);
        head->parsed = (size_t)(p - data);
    }
    if (result != HTTP_PARSE_DONE || (result = line_end(head, &p, end)) != HTTP_PARSE_DONE)
        return result;
    head->parsed = (size_t)(p - data);
    return head_finish(head);
}

// The end of what may be looked at: more than `max` bytes from `start` are too many.
static const char *window_end(const char *start, const char *end, size_t max)
{
    return (size_t)(end - start) > max ? start + max : end;
}

enum http_parse http_head_parse(struct http_head *head, const struct http_head_limits *limits,
                                const char *data, size_t len)
{
    const char *end = data + len, *p = data;
    enum http_parse result;

    assert(head->fault == HTTP_FAULT_NONE && len >= head->parsed);
    if (!head->has_line) {
        const char *window = window_end(data, end, limits->line_bytes_max);
        result = head_line(head, &p, window);
        if (result == HTTP_PARSE_MORE && (size_t)(window - data) == limits->line_bytes_max)
            return head_bad(head, HTTP_FAULT_LINE_LARGE);
        if (result != HTTP_PARSE_DONE)
            return result;
        head->has_line = true;
        head->parsed = head->line_bytes = (size_t)(p - data);
    }

    const char *start = data + head->line_bytes;
    const char *window = window_end(start, end, limits->headers_bytes_max);
    result = head_headers(head, limits->headers_max, data, window);
    if (result == HTTP_PARSE_MORE && (size_t)(window - start) == limits->headers_bytes_max)
        return head_bad(head, HTTP_FAULT_HEADERS_LARGE);
    return result;
}

// --- Moving ----------------------------------------------------------------------------------------------

static void slice_move(struct slice *slice, const char *from, const char *to, size_t len)
{
    uintptr_t at = (uintptr_t)slice->data, start = (uintptr_t)from;

    if (slice->data != NULL && at >= start && at <= start + len)
        slice->data = to + (at - start);
}

void http_head_move(struct http_head *head, const char *from, const char *to)
{
    struct http_request *request = &head->request;
    struct slice *slices[] = {&request->method_name, &request->path, &request->query, &request->host};

    for (size_t i = 0; i < array_length(slices); i++)
        slice_move(slices[i], from, to, head->parsed);
    for (size_t i = 0; i < request->n_headers; i++) {
        slice_move(&request->headers[i].name, from, to, head->parsed);
        slice_move(&request->headers[i].value, from, to, head->parsed);
    }
}
