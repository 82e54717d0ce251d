#pragma once

// Small things every room needs. Errors in this project: 0 is fine, a negative errno is fatal to the
// operation and is passed up unchanged, a positive value is a condition that the module's header names and
// the caller handles.

#define must_check                      __attribute__((warn_unused_result))
#define cleanup(fn)                     __attribute__((cleanup(fn)))
#define array_length(a)                 (sizeof(a) / sizeof((a)[0]))
#define min_of(a, b)                    ((a) < (b) ? (a) : (b))
#define max_of(a, b)                    ((a) > (b) ? (a) : (b))
#define text_of_(x)                     #x
#define text_of(x)                      text_of_(x) // of a macro's value, as a literal
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
