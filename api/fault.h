#pragma once

// Why a request is refused, as the answer's body says it: {"error": {"code": ..., "message": ...}}.

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/util.h"

#define FAULT_CODE_BYTES    64
#define FAULT_MESSAGE_BYTES 256

struct fault {
    unsigned status;   // HTTP
    uint64_t retry_ms; // of 429 and 503: when to come again
    char code[FAULT_CODE_BYTES];
    char message[FAULT_MESSAGE_BYTES]; // cut where it is longer
};

// Returns 1, so that a condition can be passed up in the same line.
__attribute__((format(printf, 4, 5))) static inline int fault_set(struct fault *fault, unsigned status,
                                                                  const char *code, const char *format, ...)
{
    va_list list;
    fault->status = status;
    fault->retry_ms = 0;
    snprintf(fault->code, sizeof(fault->code), "%s", code);
    va_start(list, format);
    vsnprintf(fault->message, sizeof(fault->message), format, list);
    va_end(list);
    return 1;
}

static inline int fault_wait(struct fault *fault, uint64_t wait_ms, const char *code, const char *message)
{
    fault_set(fault, 429, code, "%s", message);
    fault->retry_ms = wait_ms;
    return 1;
}

static inline int fault_busy(struct fault *fault)
{
    return fault_set(fault, 503, "busy", "too many requests are waiting; try again");
}

static inline int fault_internal(struct fault *fault)
{
    return fault_set(fault, 500, "internal", "this failed; it was logged");
}
