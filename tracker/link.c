// When a link is open: it and its programme are active, it has started, it has not expired, it is not
// exhausted. Pure. Judged by the time that the hit will carry, so that rows and answers agree.

#include "tracker/link.h"

enum hit_reason link_closed(const struct catalog_link *link, const struct catalog_program *program,
                            uint64_t now_ms)
{
    if (!link->active || !program || !program->active)
        return HIT_REASON_LINK_INACTIVE;
    if (now_ms < link->starts_ms)
        return HIT_REASON_LINK_NOT_STARTED;
    if (link->expires_ms != 0 && now_ms >= link->expires_ms)
        return HIT_REASON_LINK_EXPIRED;
    return link->exhausted ? HIT_REASON_LINK_EXHAUSTED : HIT_REASON_NONE;
}
