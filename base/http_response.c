// Answers as bytes (RFC 9110, RFC 9112). Pure; the caller gives the memory. The check of every name and value
// stands here, next to the copy, so that no path around it exists.

#include "base/http_response.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/http_char.h"

enum {
    STATUS_LINE_BYTES_MAX = 64,
    OWN_FIELDS_BYTES_MAX = 128, // Date, Content-Length, Connection, the empty line
    LENGTH_DIGITS_MAX = 20,
};

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_reason(unsigned status)
{
    for (size_t i = 0; i < array_length(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

static char *put(char *out, struct slice text)
{
    memcpy(out, text.data, text.len);
    return out + text.len;
}

static bool name_is_ours(struct slice name)
{
    static const char *const ours[] = {"date", "connection", "content-length", "transfer-encoding"};

    for (size_t i = 0; i < array_length(ours); i++)
        if (http_char_same(name, slice_of(ours[i])))
            return true;
    return false;
}

static bool header_is_safe(const struct http_header *header)
{
    const char *end = header->value.data + header->value.len;

    return header->name.len > 0 && http_char_all(header->name, HTTP_CHAR_TOKEN) &&
           !name_is_ours(header->name) &&
           (header->value.len == 0 || http_char_value_end(header->value.data, end) == end);
}

// NULL if one is unsafe.
static char *put_headers(char *out, const struct http_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!header_is_safe(&headers[i]))
            return NULL;
        out = put(out, headers[i].name);
        out = put(out, SLICE(": "));
        if (headers[i].value.len > 0)
            out = put(out, headers[i].value);
        out = put(out, SLICE("\r\n"));
    }
    return out;
}

static size_t headers_bytes(const struct http_header *headers, size_t n)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += headers[i].name.len + headers[i].value.len + 4;
    return bytes;
}

static char *put_status(char *out, unsigned status)
{
    assert(status >= 200 && status <= 599);
    return out +
           snprintf(out, STATUS_LINE_BYTES_MAX, "HTTP/1.1 %u %s\r\n", status, http_status_reason(status));
}

int http_preset_init(struct http_preset *preset, unsigned status, const struct http_header *headers,
                     size_t n_headers)
{
    if (STATUS_LINE_BYTES_MAX + headers_bytes(headers, n_headers) > sizeof(preset->text))
        return -ENOSPC;
    char *end = put_headers(put_status(preset->text, status), headers, n_headers);
    if (end == NULL)
        return HTTP_RESPONSE_UNSAFE;
    preset->status = status;
    preset->len = (size_t)(end - preset->text);
    return 0;
}

void http_date_update(struct http_date *date, int64_t unix_second)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    time_t seconds = (time_t)unix_second;

    if (date->len > 0 && date->second == unix_second)
        return;
    gmtime_r(&seconds, &tm);
    int n = snprintf(date->text, sizeof(date->text), "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                     days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
                     tm.tm_min, tm.tm_sec);
    assert(n > 0 && (size_t)n < sizeof(date->text));
    date->len = (size_t)n;
    date->second = unix_second;
}

static bool status_has_body(unsigned status)
{
    return status != 204 && status != 304;
}

static char *put_length(char *out, size_t length)
{
    char digits[LENGTH_DIGITS_MAX];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + length % 10);
        length /= 10;
    } while (length > 0);
    out = put(out, SLICE("Content-Length: "));
    out = put(out, (struct slice){digits + at, sizeof(digits) - at});
    return put(out, SLICE("\r\n"));
}

static char *put_connection(char *out, const struct http_response *response)
{
    if (!response->keep_alive)
        return put(out, SLICE("Connection: close\r\n"));
    if (response->minor == 0)
        return put(out, SLICE("Connection: keep-alive\r\n"));
    return out;
}

size_t http_response_bytes_max(const struct http_response *response)
{
    return (response->preset != NULL ? response->preset->len : STATUS_LINE_BYTES_MAX) +
           headers_bytes(response->headers, response->n_headers) + OWN_FIELDS_BYTES_MAX + response->body.len;
}

int http_response_write(const struct http_response *response, const struct http_date *date, char *out,
                        size_t *len)
{
    unsigned status = response->preset != NULL ? response->preset->status : response->status;
    char *p = response->preset != NULL
                  ? put(out, (struct slice){response->preset->text, response->preset->len})
                  : put_status(out, status);

    p = put_headers(p, response->headers, response->n_headers);
    if (p == NULL)
        return HTTP_RESPONSE_UNSAFE;
    p = put(p, (struct slice){date->text, date->len});
    if (response->streamed)
        p = put(p, response->minor > 0 ? SLICE("Transfer-Encoding: chunked\r\n") : SLICE(""));
    else if (status_has_body(status))
        p = put_length(p, response->body.len);
    p = put_connection(p, response);
    p = put(p, SLICE("\r\n"));
    if (status_has_body(status) && !response->head_only && response->body.len > 0)
        p = put(p, response->body);
    *len = (size_t)(p - out);
    return 0;
}
