#pragma once

// What a user agent says: person or program, device, operating system, browser. The words are a list with a
// version: base/agents.list, or a file in its place.

#include "base/hit.h"
#include "base/list_text.h"

#define AGENTS_ROWS_MAX 4096
#define AGENTS_WORD_MIN 2 // bytes of a word
#define AGENTS_WORD_MAX 64
#define AGENTS_TEXT_MAX 1024 // bytes of a header that are looked at

struct agent {
    uint8_t class;               // HIT_CLASS_HUMAN, HIT_CLASS_BOT or HIT_CLASS_PREVIEW
    uint8_t device, os, browser; // 0: not said
};

struct agents;

// The list of the binary.
extern const unsigned char agents_list[];
extern const size_t agents_list_bytes;

// 0, -ENOMEM or LIST_WRONG with the reader's reason.
must_check int agents_parse(struct agents **agents, struct slice text, struct list_reader *reader);
struct agents *agents_free(struct agents *agents);

uint32_t agents_version(const struct agents *agents);

// Looks through the header once. Pure.
struct agent agents_find(const struct agents *agents, struct slice user_agent);
