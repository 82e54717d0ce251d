// Looking things up in a request. Linear on purpose: a request has a dozen headers, and comparing lengths
// first makes a look-up cheaper than keeping an index for every request would be.

#include "base/http_request.h"

#include "base/http_char.h"

struct slice http_request_header(const struct http_request *request, struct slice name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (http_char_same(request->headers[i].name, name))
            return request->headers[i].value;
    return SLICE_NONE;
}

size_t http_request_header_count(const struct http_request *request, struct slice name)
{
    size_t n = 0;

    for (size_t i = 0; i < request->n_headers; i++)
        n += http_char_same(request->headers[i].name, name);
    return n;
}
