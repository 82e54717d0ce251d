// The reasons for which a request is refused: one status and one name (for metrics) each.

#include <assert.h>

#include "base/http_parse.h"

static const struct {
    const char *name;
    unsigned status;
} http_faults[HTTP_FAULTS] = {
    [HTTP_FAULT_NONE] = {"none", 200},
    [HTTP_FAULT_LINE] = {"line", 400},
    [HTTP_FAULT_TARGET] = {"target", 400},
    [HTTP_FAULT_LINE_END] = {"line_end", 400},
    [HTTP_FAULT_HEADER] = {"header", 400},
    [HTTP_FAULT_HOST] = {"host", 400},
    [HTTP_FAULT_FRAMING] = {"framing", 400},
    [HTTP_FAULT_CHUNK] = {"chunk", 400},
    [HTTP_FAULT_HEADER_TIMEOUT] = {"header_timeout", 408},
    [HTTP_FAULT_BODY_TIMEOUT] = {"body_timeout", 408},
    [HTTP_FAULT_BODY_LARGE] = {"body_large", 413},
    [HTTP_FAULT_LINE_LARGE] = {"line_large", 414},
    [HTTP_FAULT_EXPECTATION] = {"expectation", 417},
    [HTTP_FAULT_HEADERS_LARGE] = {"headers_large", 431},
    [HTTP_FAULT_CODING] = {"coding", 501},
    [HTTP_FAULT_VERSION] = {"version", 505},
};

unsigned http_fault_status(enum http_fault fault)
{
    assert(fault < HTTP_FAULTS);
    return http_faults[fault].status;
}

const char *http_fault_name(enum http_fault fault)
{
    assert(fault < HTTP_FAULTS);
    return http_faults[fault].name;
}
