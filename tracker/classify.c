// Sorts requests into people and everything else. Pure: no clock, no memory of other requests.
//
// Nothing is refused here: a bot is redirected like anybody, its hit is kept and counts for nothing. The
// order is from what a request says most plainly to what is concluded: HEAD, a browser's word that it only
// prefetches, the user agent, the network, and last, for clicks, that the browser did not navigate (W3C Fetch
// Metadata): a click URL hidden in an image or a frame is cookie stuffing.

#include "tracker/classify.h"

#include "base/http_char.h"
#include "base/util.h"

struct purpose {
    enum head head;
    struct slice word;
    enum hit_class class;
};

// The word may stand anywhere in the value: "prefetch;prerender", "prefetch;anonymous-client-ip".
static const struct purpose purposes[] = {
    {HEAD_SEC_PURPOSE, {SLICE_PARTS("prefetch")}, HIT_CLASS_PREFETCH},
    {HEAD_SEC_PURPOSE, {SLICE_PARTS("prerender")}, HIT_CLASS_PREFETCH},
    {HEAD_SEC_PURPOSE, {SLICE_PARTS("preview")}, HIT_CLASS_PREVIEW},
    {HEAD_PURPOSE, {SLICE_PARTS("prefetch")}, HIT_CLASS_PREFETCH},
    {HEAD_PURPOSE, {SLICE_PARTS("preview")}, HIT_CLASS_PREVIEW},
    {HEAD_X_MOZ, {SLICE_PARTS("prefetch")}, HIT_CLASS_PREFETCH},
    {HEAD_X_PURPOSE, {SLICE_PARTS("preview")}, HIT_CLASS_PREVIEW},
    {HEAD_X_PURPOSE, {SLICE_PARTS("prefetch")}, HIT_CLASS_PREFETCH},
};

static bool slice_has_word(struct slice text, struct slice word)
{
    for (size_t at = 0; at + word.len <= text.len; at++)
        if (http_char_same((struct slice){text.data + at, word.len}, word))
            return true;
    return false;
}

// HIT_CLASS_HUMAN where no header speaks of a prefetch.
static enum hit_class purpose_class(const struct heads *heads)
{
    if (heads->n[HEAD_SEC_PURPOSE] + heads->n[HEAD_PURPOSE] + heads->n[HEAD_X_MOZ] +
            heads->n[HEAD_X_PURPOSE] ==
        0)
        return HIT_CLASS_HUMAN;
    for (size_t p = 0; p < array_length(purposes); p++)
        if (slice_has_word(heads->value[purposes[p].head], purposes[p].word))
            return purposes[p].class;
    return HIT_CLASS_HUMAN;
}

// A browser that does not send these headers is believed.
static bool navigates(const struct heads *heads)
{
    struct slice dest = heads->value[HEAD_SEC_FETCH_DEST], mode = heads->value[HEAD_SEC_FETCH_MODE];

    return (!dest.data || slice_equal(dest, SLICE("document"))) &&
           (!mode.data || slice_equal(mode, SLICE("navigate")));
}

struct classification classify(enum http_method method, const struct heads *heads, const struct facts *facts,
                               bool navigation)
{
    if (method == HTTP_HEAD)
        return (struct classification){HIT_CLASS_HEAD, HIT_REASON_METHOD_HEAD};

    enum hit_class purpose = purpose_class(heads);
    if (purpose != HIT_CLASS_HUMAN)
        return (struct classification){purpose, HIT_REASON_SEC_PURPOSE};

    struct classification sender = sender_classify(heads->value[HEAD_USER_AGENT].len > 0,
                                                   (enum hit_class)facts->agent_class, facts->datacentre);
    if (sender.class != HIT_CLASS_HUMAN)
        return sender;
    if (navigation && !navigates(heads))
        return (struct classification){HIT_CLASS_INVALID, HIT_REASON_SEC_FETCH_DEST};
    return (struct classification){HIT_CLASS_HUMAN, HIT_REASON_NONE};
}
