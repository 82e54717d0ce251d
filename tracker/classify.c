// Sorts requests into people and everything else. Pure: no clock, no memory of other requests.
//
// Nothing is refused here: a bot is redirected like anybody, its hit is kept and counts for nothing. The
// order is from what a request says most plainly to what is concluded: HEAD, a browser's word that it only
// prefetches, the user agent, and last, for clicks, that the browser did not navigate (W3C Fetch Metadata): a
// click URL hidden in an image or a frame is cookie stuffing.

#include "tracker/classify.h"

#include "base/http_char.h"
#include "base/util.h"

struct purpose {
    struct slice header, word;
    enum hit_class class;
};

// The word may stand anywhere in the value: "prefetch;prerender", "prefetch;anonymous-client-ip".
static const struct purpose purposes[] = {
    {{"Sec-Purpose", 11}, {"prefetch", 8}, HIT_CLASS_PREFETCH},
    {{"Sec-Purpose", 11}, {"prerender", 9}, HIT_CLASS_PREFETCH},
    {{"Sec-Purpose", 11}, {"preview", 7}, HIT_CLASS_PREVIEW},
    {{"Purpose", 7}, {"prefetch", 8}, HIT_CLASS_PREFETCH},
    {{"Purpose", 7}, {"preview", 7}, HIT_CLASS_PREVIEW},
    {{"X-Moz", 5}, {"prefetch", 8}, HIT_CLASS_PREFETCH},
    {{"X-Purpose", 9}, {"preview", 7}, HIT_CLASS_PREVIEW},
    {{"X-Purpose", 9}, {"prefetch", 8}, HIT_CLASS_PREFETCH},
};

static bool slice_has_word(struct slice text, struct slice word)
{
    for (size_t at = 0; at + word.len <= text.len; at++)
        if (http_char_same((struct slice){text.data + at, word.len}, word))
            return true;
    return false;
}

// HIT_CLASS_HUMAN where no header speaks of a prefetch.
static enum hit_class purpose_class(const struct http_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct http_header *header = &request->headers[i];
        for (size_t p = 0; p < array_length(purposes); p++)
            if (http_char_same(header->name, purposes[p].header) &&
                slice_has_word(header->value, purposes[p].word))
                return purposes[p].class;
    }
    return HIT_CLASS_HUMAN;
}

// A browser that does not send these headers is believed.
static bool navigates(const struct http_request *request)
{
    struct slice dest = http_request_header(request, SLICE("Sec-Fetch-Dest"));
    struct slice mode = http_request_header(request, SLICE("Sec-Fetch-Mode"));

    return (!dest.data || slice_equal(dest, SLICE("document"))) &&
           (!mode.data || slice_equal(mode, SLICE("navigate")));
}

struct classification classify(const struct agents *agents, const struct http_request *request,
                               bool navigation)
{
    if (request->method == HTTP_HEAD)
        return (struct classification){HIT_CLASS_HEAD, HIT_REASON_METHOD_HEAD};

    enum hit_class purpose = purpose_class(request);
    if (purpose != HIT_CLASS_HUMAN)
        return (struct classification){purpose, HIT_REASON_SEC_PURPOSE};

    struct slice user_agent = http_request_header(request, SLICE("User-Agent"));
    if (user_agent.len == 0)
        return (struct classification){HIT_CLASS_BOT, HIT_REASON_UA_EMPTY};
    enum hit_class agent = agents_class(agents, user_agent);
    if (agent != HIT_CLASS_HUMAN)
        return (struct classification){agent, agent == HIT_CLASS_PREVIEW ? HIT_REASON_UA_PREVIEW
                                                                         : HIT_REASON_UA_BOT};

    if (navigation && !navigates(request))
        return (struct classification){HIT_CLASS_INVALID, HIT_REASON_SEC_FETCH_DEST};
    return (struct classification){HIT_CLASS_HUMAN, HIT_REASON_NONE};
}
