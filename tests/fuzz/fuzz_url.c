// Request targets and hosts: the first line of the input is the target, the rest the Host. What is taken
// apart is whole again when put together, a host is something DNS could know, and no path holds what a
// browser or a proxy would read as another one.

#include <assert.h>
#include <stdint.h>

#include "base/http_char.h"
#include "base/http_target.h"

static bool host_is_plain(struct slice host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!http_char_is(host.data[i], HTTP_CHAR_UNRESERVED) && !strchr("[]:", host.data[i]))
            return false;
    return host.len > 0;
}

static void host_is_what_it_says(struct slice host)
{
    if (http_host_is_valid(host))
        assert(host_is_plain(host) && host.len <= 255 + 6);
}

// `part` ends where the target does, or one byte in front of `behind`.
static void parts_are_the_target(struct slice target, struct slice path, struct slice query)
{
    const char *end = target.data + target.len;

    assert(path.len > 0);
    if (query.data != NULL)
        assert(query.data + query.len == end && query.data[-1] == '?');
    if (path.data >= target.data && path.data <= end) // else the "/" of an absolute form without a path
        assert(path.data + path.len == (query.data != NULL ? query.data - 1 : end));
    else
        assert(slice_equal(path, SLICE("/")));
}

static void target_is_taken_apart(struct slice target, enum http_method method)
{
    struct slice host = SLICE_NONE, path = SLICE_NONE, query = SLICE_NONE;

    if (!http_target_split(target, method, &host, &path, &query))
        return;
    parts_are_the_target(target, path, query);
    assert(path.data[0] == '/' || (method == HTTP_OPTIONS && slice_equal(path, SLICE("*"))));
    assert(memchr(path.data, '\\', path.len) == NULL && memchr(path.data, '?', path.len) == NULL);
    assert(host.len == 0 || host_is_plain(host));
    assert((host.len == 0) == (target.data[0] == '/' || target.data[0] == '*'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *line = size > 0 ? memchr(data, '\n', size) : NULL;
    struct slice target = {text, line != NULL ? (size_t)(line - text) : size};

    if (line != NULL)
        host_is_what_it_says((struct slice){line + 1, size - target.len - 1});
    if (!http_char_all(target, HTTP_CHAR_TARGET))
        return 0; // the head's parser lets only these through
    target_is_taken_apart(target, HTTP_GET);
    target_is_taken_apart(target, HTTP_OPTIONS);
    return 0;
}
