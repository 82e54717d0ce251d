// Gathers what a request says about its sender. Pure.

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

void facts_read(struct facts *facts, const struct heads *heads, const struct in6_addr *address)
{
    (void)address;
    *facts = (struct facts){.language = language_first(heads->value[HEAD_LANGUAGE])};
}
