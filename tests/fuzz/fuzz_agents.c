// Lists of user agents and of data centres, and user agents: the first line of the input is a user agent, the
// rest a list. What parses finds its own words again, and a search stays inside the header.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/agents.h"
#include "base/datacentres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void agent_check(const struct agents *agents, struct slice user_agent)
{
    struct agent agent = agents_find(agents, user_agent);

    assert(agent.class == HIT_CLASS_HUMAN || agent.class == HIT_CLASS_BOT ||
           agent.class == HIT_CLASS_PREVIEW);
    assert(agent.device < HIT_DEVICE_COUNT && agent.os < HIT_OS_COUNT && agent.browser < HIT_BROWSER_COUNT);
    assert(agent.class != HIT_CLASS_HUMAN || agent.browser != HIT_BROWSER_UNKNOWN);
}

static void list_check(struct slice text, struct slice user_agent)
{
    static struct datacentres datacentres;
    struct agents *agents;
    struct list_reader reader;

    if (agents_parse(&agents, text, &reader) == 0) {
        agent_check(agents, user_agent);
        agent_check(agents, text);
        agents_free(agents);
    }
    if (datacentres_parse(&datacentres, text, &reader) == 0)
        for (size_t i = 0; i < datacentres.n; i++)
            assert(datacentres_hold(&datacentres, datacentres.asn[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct agents *built_in;
    struct list_reader reader;
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = line ? (size_t)(line - data) : size;
    struct slice user_agent = {(const char *)data, len};

    if (!built_in) {
        int r =
            agents_parse(&built_in, (struct slice){(const char *)agents_list, agents_list_bytes}, &reader);
        assert(r == 0);
    }
    agent_check(built_in, user_agent);
    if (line)
        list_check((struct slice){(const char *)line + 1, size - len - 1}, user_agent);
    return 0;
}
