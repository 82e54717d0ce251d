#pragma once

// User agents that are not people: words of lower-case ASCII that are looked for anywhere in the header.

#include <stdint.h>

#include "base/hit.h"
#include "base/slice.h"

#define AGENTS_TEXT_MAX      1024 // bytes of a header that are looked at
#define AGENTS_ALPHABET_SIZE 26

struct agents {
    uint16_t first[AGENTS_ALPHABET_SIZE + 1]; // first word of each letter
    uint32_t second[AGENTS_ALPHABET_SIZE];    // per first letter: bits 1 << (second character & 31)
};

void agents_init(struct agents *agents);

// HIT_CLASS_BOT, HIT_CLASS_PREVIEW, or HIT_CLASS_HUMAN where no word is found. The first word in the text
// decides.
enum hit_class agents_class(const struct agents *agents, struct slice user_agent);
