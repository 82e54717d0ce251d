#pragma once

// What the sender of a request is taken for, by what a stored hit still knows of it. The tracker asks it in
// the middle of its own questions (tracker/classify.c), `clickledger-ingest reclassify` asks it again.

#include <stdbool.h>

#include "base/hit.h"

struct classification {
    enum hit_class class;
    enum hit_reason reason;
};

// agent_class: what the list of user agents says, of no user agent anything. datacentre: the address belongs
// to one, and that counts. Human with HIT_REASON_NONE where nothing speaks against a person.
static inline struct classification sender_classify(bool agent_sent, enum hit_class agent_class,
                                                    bool datacentre)
{
    if (!agent_sent)
        return (struct classification){HIT_CLASS_BOT, HIT_REASON_UA_EMPTY};
    if (agent_class != HIT_CLASS_HUMAN)
        return (struct classification){agent_class, agent_class == HIT_CLASS_PREVIEW ? HIT_REASON_UA_PREVIEW
                                                                                     : HIT_REASON_UA_BOT};
    if (datacentre)
        return (struct classification){HIT_CLASS_BOT, HIT_REASON_ASN_DATACENTRE};
    return (struct classification){HIT_CLASS_HUMAN, HIT_REASON_NONE};
}
