#pragma once

// The script of /t.js, from tag.js at build time.

#include <stddef.h>

extern const unsigned char tag_script[];
extern const size_t tag_script_bytes;
