// Gathers what a request says about its sender, by the reference's memos.

#include "tracker/facts.h"

#include "base/http_char.h"

static bool language_char(char c)
{
    char lower = http_char_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// "ru-RU" of "ru-RU,ru;q=0.9"; nothing for "*" and what is no tag.
static struct slice language_first(struct slice header)
{
    size_t len = 0;

    while (len < header.len && len <= FACTS_LANGUAGE_MAX && language_char(header.data[len]))
        len++;
    bool ends =
        len == header.len || header.data[len] == ',' || header.data[len] == ';' || header.data[len] == ' ';
    return len > 0 && len <= FACTS_LANGUAGE_MAX && ends ? (struct slice){header.data, len} : SLICE_NONE;
}

static void agent_note(struct facts *facts, struct reference *reference, struct slice user_agent)
{
    struct agent agent = {.class = HIT_CLASS_BOT};

    if (user_agent.len > 0)
        agent = agent_memo_find(&reference->memo, reference->agents, user_agent);
    facts->agent_class = agent.class;
    facts->device = agent.device;
    facts->os = agent.os;
    facts->browser = agent.browser;
}

static void place_note(struct facts *facts, const struct reference *reference, const struct in6_addr *address)
{
    struct geo_fact fact = {0};

    if (reference->place)
        geo_find(reference->place, address, &fact);
    if (reference->network)
        geo_find(reference->network, address, &fact);
    memcpy(facts->country, fact.country, sizeof(facts->country));
    memcpy(facts->region, fact.region, sizeof(facts->region));
    facts->region_len = fact.region_len;
    facts->asn = fact.asn;
    facts->datacentre = reference->datacentres_count && datacentres_hold(reference->datacentres, fact.asn);
}

void facts_expect(const struct reference *reference, const struct in6_addr *address)
{
    if (reference->place)
        geo_expect(reference->place, address);
    if (reference->network)
        geo_expect(reference->network, address);
}

void facts_read(struct facts *facts, struct reference *reference, const struct heads *heads,
                const struct in6_addr *address)
{
    *facts = (struct facts){.language = language_first(heads->value[HEAD_LANGUAGE])};
    agent_note(facts, reference, heads->value[HEAD_USER_AGENT]);
    place_note(facts, reference, address);
}
