// The decision about one kind of sender.

#include "ingest/reclass.h"

static bool reason_is(struct slice reason, enum hit_reason wanted)
{
    return slice_equal(reason, slice_of(hit_reason_name(wanted)));
}

bool reclass_decide(enum hit_class was, struct slice reason, enum hit_class agent_class, bool datacentre,
                    struct classification *now)
{
    *now = sender_classify(true, agent_class, datacentre);
    if (now->class == HIT_CLASS_HUMAN)
        return reason_is(reason, HIT_REASON_UA_BOT) || reason_is(reason, HIT_REASON_UA_PREVIEW) ||
               reason_is(reason, HIT_REASON_ASN_DATACENTRE);
    return now->class != was || !reason_is(reason, now->reason);
}
