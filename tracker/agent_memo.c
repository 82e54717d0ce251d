// A set-associative table of user agents. Owner: one worker. Never grows: the oldest of a set makes room.

#include "tracker/agent_memo.h"

#include <sodium.h>
#include <xxhash.h>

void agent_memo_init(struct agent_memo *memo)
{
    memset(memo, 0, sizeof(*memo));
    randombytes_buf(&memo->seed, sizeof(memo->seed));
}

struct agent agent_memo_find(struct agent_memo *memo, const struct agents *agents, struct slice user_agent)
{
    struct slice text = {user_agent.data, min_of(user_agent.len, (size_t)AGENTS_TEXT_MAX)};
    uint64_t hash = XXH3_64bits_withSeed(text.data, text.len, memo->seed);
    size_t set = hash % AGENT_MEMO_SETS;

    for (unsigned way = 0; way < AGENT_MEMO_WAYS; way++)
        if (memo->entry[set][way].hash == hash && hash != 0)
            return memo->entry[set][way].agent;
    unsigned way = memo->next[set]++ % AGENT_MEMO_WAYS;
    memo->entry[set][way].hash = hash;
    memo->entry[set][way].agent = agents_find(agents, text);
    return memo->entry[set][way].agent;
}
