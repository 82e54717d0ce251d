#pragma once

// Which shards a process should work on, from what all members see alike.

#include <stdbool.h>
#include <stddef.h>

struct duty_entry {
    unsigned shard;
    bool wanted;   // somebody should own it
    bool owned;    // somebody does
    bool retired;  // takes no new producers
    bool ours;     // we do
    bool assigned; // the answer: keep it, or try to take it
};

// Of n_wanted shards the member at `place` of `members` (the oldest first) gets as many as every other, the
// first ones one more. It keeps what it has up to that number, then tries shards without an owner, each
// member from another end.
void duty_assign(struct duty_entry entries[], size_t n, unsigned members, unsigned place);
