// Status words of the world into ours. Pure. The URL of the postback says first what a word means
// (sale_status=billed,paid&ignore_status=ping), then the integration, then the synonyms below; all are
// compared without case. Only a postback has the first two: the URL of a pixel is the visitor's.

#include "base/report_status.h"

#include "base/catalog_policy.h"
#include "base/http_char.h"
#include "base/query.h"

#define NAME_BYTES_MAX 32

struct word {
    struct slice theirs, ours;
};

#define WORD(theirs, ours)                                                                                   \
    {                                                                                                        \
        {theirs, sizeof(theirs) - 1},                                                                        \
        {                                                                                                    \
            ours, sizeof(ours) - 1                                                                           \
        }                                                                                                    \
    }

static const struct word synonyms[] = {
    WORD("pending", "pending"),   WORD("new", "pending"),        WORD("hold", "pending"),
    WORD("lead", "pending"),      WORD("approved", "approved"),  WORD("confirmed", "approved"),
    WORD("sale", "approved"),     WORD("paid", "approved"),      WORD("declined", "declined"),
    WORD("rejected", "declined"), WORD("cancelled", "declined"), WORD("canceled", "declined"),
    WORD("refunded", "refunded"), WORD("refund", "refunded"),    WORD("chargeback", "refunded"),
};

// Parameters whose value lists the shop's words, by comma.
static const struct word lists[] = {
    WORD("pending_status", "pending"),   WORD("lead_status", "pending"),
    WORD("approved_status", "approved"), WORD("sale_status", "approved"),
    WORD("declined_status", "declined"), WORD("rejected_status", "declined"),
    WORD("refunded_status", "refunded"), WORD("ignore_status", "ignore"),
};

static struct slice word_find(const struct word *words, size_t n, struct slice theirs)
{
    for (size_t i = 0; i < n; i++)
        if (http_char_same(words[i].theirs, theirs))
            return words[i].ours;
    return SLICE_NONE;
}

static bool list_has(struct slice list, struct slice word)
{
    while (list.len > 0) {
        const char *comma = memchr(list.data, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.data) : list.len;
        if (http_char_same(slice_trim((struct slice){list.data, len}), word))
            return true;
        size_t skip = comma ? len + 1 : len;
        list = (struct slice){list.data + skip, list.len - skip};
    }
    return false;
}

// What this parameter says of the word: *ours, or that as it was.
static enum hit_reason list_read(const struct query_param *param, struct slice word, struct scratch *scratch,
                                 struct slice *ours)
{
    char buffer[NAME_BYTES_MAX];
    struct slice name = {buffer, 0}, list = {NULL, 0};

    if (query_decode(param->name, buffer, sizeof(buffer), &name.len) != 0)
        return HIT_REASON_NONE;
    struct slice meaning = word_find(lists, array_length(lists), name);
    if (!meaning.data)
        return HIT_REASON_NONE;
    size_t room = min_of(param->value.len, scratch_left(scratch));
    char *out = scratch_take(scratch, room);
    if (query_decode(param->value, out, room, &list.len) != 0)
        return HIT_REASON_UTF8_INVALID;
    list.data = out;
    if (list_has(list, word))
        *ours = meaning;
    return HIT_REASON_NONE;
}

static enum hit_reason url_read(struct slice text, struct slice word, struct scratch *scratch,
                                struct slice *ours)
{
    struct query query;
    struct query_param param;
    enum hit_reason reason = HIT_REASON_NONE;

    query_start(&query, text);
    while (reason == HIT_REASON_NONE && !ours->data && query_next(&query, &param) == 0)
        reason = list_read(&param, word, scratch, ours);
    return reason;
}

enum hit_reason report_status_read(const struct report_input *input, struct scratch *scratch,
                                   struct slice *status)
{
    struct slice ours = SLICE_NONE;

    if (!status->data)
        *status = SLICE("pending");
    if (input->integration) {
        enum hit_reason reason = url_read(input->query, *status, scratch, &ours);
        if (reason != HIT_REASON_NONE)
            return reason;
        if (!ours.data)
            ours = catalog_integration_status(input->integration, *status);
    }
    if (slice_equal(ours, SLICE("ignore")))
        return HIT_REASON_STATUS_IGNORED;
    if (!ours.data)
        ours = word_find(synonyms, array_length(synonyms), *status);
    if (!ours.data)
        return HIT_REASON_STATUS_UNKNOWN;
    *status = ours;
    return HIT_REASON_NONE;
}
