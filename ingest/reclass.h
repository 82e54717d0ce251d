#pragma once

// What a stored hit is taken for by other lists. Pure.

#include "base/sender_class.h"

// `was`, `reason`: as stored; agent_class, datacentre: what the lists say of its sender now. Returns whether
// it is something else now, and what. Where its sender is a person now, what was asked behind the sender
// stands: a hit that was invalid stays so. Headers are not stored, so HEAD, prefetches and their like must
// not be asked about; nor can a browser that was a bot be asked whether it navigated: it is believed.
bool reclass_decide(enum hit_class was, struct slice reason, enum hit_class agent_class, bool datacentre,
                    struct classification *now);
