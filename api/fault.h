#pragma once

// Why a request is refused, as the answer's body says it: {"error": {"code": ..., "message": ...}}.

#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"

#define FAULT_CODE_BYTES    64
#define FAULT_MESSAGE_BYTES 256

struct fault {
    unsigned status; // HTTP
    char code[FAULT_CODE_BYTES];
    char message[FAULT_MESSAGE_BYTES]; // cut where it is longer
};

// Returns 1, so that a condition can be passed up in the same line.
__attribute__((format(printf, 4, 5))) static inline int fault_set(struct fault *fault, unsigned status,
                                                                  const char *code, const char *format, ...)
{
    va_list list;
    fault->status = status;
    snprintf(fault->code, sizeof(fault->code), "%s", code);
    va_start(list, format);
    vsnprintf(fault->message, sizeof(fault->message), format, list);
    va_end(list);
    return 1;
}
