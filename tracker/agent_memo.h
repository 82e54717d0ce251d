#pragma once

// What was found about user agents lately, so that a list of words costs a request nothing.

#include "base/agents.h"

#define AGENT_MEMO_SETS 2048 // a power of two
#define AGENT_MEMO_WAYS 4

// Known by a seeded 64-bit hash of what is looked at: two of a million different ones are taken for each other
// once in 37 million cases. The seed is random, so that two that are cannot be prepared.
struct agent_memo {
    uint64_t seed;
    uint8_t next[AGENT_MEMO_SETS]; // way that is written over next
    struct {
        uint64_t hash; // 0: free
        struct agent agent;
    } entry[AGENT_MEMO_SETS][AGENT_MEMO_WAYS];
};

// Empty, with a seed of its own. Also whenever the list has changed.
void agent_memo_init(struct agent_memo *memo);

struct agent agent_memo_find(struct agent_memo *memo, const struct agents *agents, struct slice user_agent);
