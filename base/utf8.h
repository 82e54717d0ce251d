#pragma once

// UTF-8 as RFC 3629 has it: shortest form, no surrogates, nothing above U+10FFFF.

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define UTF8_SANITIZED_BYTES(bytes) (3 * (bytes)) // room that utf8_sanitize always finds enough

bool utf8_valid(struct slice text);

// Valid, and without control characters: C0, DEL, C1.
bool utf8_printable(struct slice text);

// Bytes of the code point at the start of text: 1..4, or 0 when the bytes there are not UTF-8 (or text is
// empty).
size_t utf8_length(struct slice text);

// Copies text with U+FFFD in place of each bad byte and of NUL, which PostgreSQL cannot store. When the room
// ends, the copy ends before a code point that does not fit. Returns the copy's length; no NUL is added.
size_t utf8_sanitize(struct slice text, char *out, size_t out_bytes);
