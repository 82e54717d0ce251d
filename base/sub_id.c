// Names of sub ids, ours and those of other trackers. Pure.

#include "base/sub_id.h"

static struct slice slice_behind(struct slice text, struct slice prefix)
{
    bool fits = text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;

    return fits ? (struct slice){text.data + prefix.len, text.len - prefix.len} : SLICE_NONE;
}

// 1..10, or 0.
static unsigned sub_number(struct slice text)
{
    if (slice_equal(text, SLICE("10")))
        return 10;
    return text.len == 1 && text.data[0] >= '1' && text.data[0] <= '9' ? (unsigned)(text.data[0] - '0') : 0;
}

enum hit_field sub_id_field(struct slice name)
{
    static const struct slice prefixes[] = {{"sub_id_", 7}, {"aff_sub", 7}, {"sub", 3}};

    if (slice_equal(name, SLICE("aff_sub")))
        return HIT_SUB1;
    for (size_t i = 0; i < array_length(prefixes); i++) {
        unsigned number = sub_number(slice_behind(name, prefixes[i]));
        if (number > 0)
            return (enum hit_field)(HIT_SUB1 + number - 1);
    }
    return 0;
}
