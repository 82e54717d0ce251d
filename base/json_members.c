// Reads a flat JSON object, or a list of them, member by member. Owns nothing, no recursion; work is bounded
// by the text and by JSON_MEMBERS_MAX.
//
// Not the door to jansson (base/json.c), because that makes a double of every number with a fraction.

#include "base/json_members.h"

#include <errno.h>
#include <stdint.h>

#include "base/http_char.h"

void json_members_start(struct json_members *members, struct slice text)
{
    const char *begin = text.data ? text.data : "";

    *members = (struct json_members){.at = begin, .end = begin + text.len};
}

static bool at_char(const struct json_members *members, char c)
{
    return members->at < members->end && *members->at == c;
}

static void skip_blanks(struct json_members *members)
{
    while (at_char(members, ' ') || at_char(members, '\t') || at_char(members, '\n') ||
           at_char(members, '\r'))
        members->at++;
}

static bool take_char(struct json_members *members, char c)
{
    skip_blanks(members);
    if (!at_char(members, c))
        return false;
    members->at++;
    return true;
}

// Length of the escape at `at`, 0 when it is none.
static size_t escape_length(const char *at, const char *end)
{
    if (end - at >= 2 && at[1] != '\0' && strchr("\"\\/bfnrt", at[1]))
        return 2;
    if (end - at < 6 || at[1] != 'u')
        return 0;
    for (size_t i = 2; i < 6; i++)
        if (!http_char_is(at[i], HTTP_CHAR_HEX))
            return 0;
    return 6;
}

// Behind the opening quote.
static bool take_text(struct json_members *members, struct slice *text)
{
    const char *begin = members->at;

    while (members->at < members->end && *members->at != '"') {
        size_t len = *members->at == '\\' ? escape_length(members->at, members->end) : 1;
        if (len == 0 || (uint8_t)*members->at < 0x20)
            return false;
        members->at += len;
    }
    *text = (struct slice){begin, (size_t)(members->at - begin)};
    return take_char(members, '"');
}

static size_t take_digits(struct json_members *members)
{
    const char *begin = members->at;

    while (members->at < members->end && *members->at >= '0' && *members->at <= '9')
        members->at++;
    return (size_t)(members->at - begin);
}

static bool take_exponent(struct json_members *members)
{
    if (!at_char(members, 'e') && !at_char(members, 'E'))
        return true;
    members->at++;
    if (at_char(members, '+') || at_char(members, '-'))
        members->at++;
    return take_digits(members) > 0;
}

static bool take_number(struct json_members *members, struct slice *number)
{
    const char *begin = members->at;

    if (at_char(members, '-'))
        members->at++;
    bool zero = at_char(members, '0');
    size_t whole = take_digits(members);
    if (whole == 0 || (zero && whole > 1))
        return false;
    if (at_char(members, '.')) {
        members->at++;
        if (take_digits(members) == 0)
            return false;
    }
    if (!take_exponent(members))
        return false;
    *number = (struct slice){begin, (size_t)(members->at - begin)};
    return true;
}

static bool take_word(struct json_members *members, struct slice word, struct slice *value)
{
    if ((size_t)(members->end - members->at) < word.len || memcmp(members->at, word.data, word.len) != 0)
        return false;
    *value = (struct slice){members->at, word.len};
    members->at += word.len;
    return true;
}

// Up to the bracket that closes the one at `at`. Inside are only texts, and of a list one level of objects.
static int take_nested(struct json_members *members, char close, struct slice *nested)
{
    const char *begin = members->at++;
    struct slice text;

    while (members->at < members->end && *members->at != close) {
        char c = *members->at;
        if (c == '[' || (c == '{' && close == '}'))
            return JSON_MEMBERS_NESTED;
        if (c == '{') {
            int r = take_nested(members, '}', &text);
            if (r)
                return r;
            continue;
        }
        members->at++;
        if (c == '"' && !take_text(members, &text))
            return JSON_MEMBERS_MALFORMED;
    }
    *nested = (struct slice){begin, (size_t)(members->at + 1 - begin)};
    return take_char(members, close) ? 0 : JSON_MEMBERS_MALFORMED;
}

static int take_value(struct json_members *members, struct json_member *member)
{
    skip_blanks(members);
    if (members->takes_lists && at_char(members, '[')) {
        member->kind = JSON_MEMBER_LIST;
        return take_nested(members, ']', &member->value);
    }
    if (at_char(members, '{') || at_char(members, '['))
        return JSON_MEMBERS_NESTED;
    if (take_char(members, '"')) {
        member->kind = JSON_MEMBER_TEXT;
        return take_text(members, &member->value) ? 0 : JSON_MEMBERS_MALFORMED;
    }
    if (take_word(members, SLICE("true"), &member->value) ||
        take_word(members, SLICE("false"), &member->value))
        member->kind = JSON_MEMBER_TRUTH;
    else if (take_word(members, SLICE("null"), &member->value))
        member->kind = JSON_MEMBER_NOTHING;
    else if (take_number(members, &member->value))
        member->kind = JSON_MEMBER_NUMBER;
    else
        return JSON_MEMBERS_MALFORMED;
    return 0;
}

static int take_end(struct json_members *members)
{
    skip_blanks(members);
    return members->at == members->end ? JSON_MEMBERS_END : JSON_MEMBERS_MALFORMED;
}

static int next(struct json_members *members, struct json_member *member)
{
    if (!members->begun && !take_char(members, '{'))
        return JSON_MEMBERS_MALFORMED;
    if (take_char(members, '}'))
        return take_end(members);
    if (members->begun && !take_char(members, ','))
        return JSON_MEMBERS_MALFORMED;
    if (members->n == JSON_MEMBERS_MAX)
        return JSON_MEMBERS_TOO_MANY;
    members->begun = true;
    members->n++;
    if (!take_char(members, '"') || !take_text(members, &member->name) || !take_char(members, ':'))
        return JSON_MEMBERS_MALFORMED;
    return take_value(members, member);
}

int json_members_next(struct json_members *members, struct json_member *member)
{
    int r = next(members, member);

    if (r != 0) { // what follows cannot be a member
        members->at = members->end;
        members->begun = true;
    }
    return r;
}

static int object_next(struct json_members *list, struct json_members *object)
{
    struct slice text;

    if (!list->begun && !take_char(list, '['))
        return JSON_MEMBERS_MALFORMED;
    if (take_char(list, ']'))
        return take_end(list);
    if (list->begun && !take_char(list, ','))
        return JSON_MEMBERS_MALFORMED;
    skip_blanks(list);
    if (list->n == JSON_MEMBERS_MAX)
        return JSON_MEMBERS_TOO_MANY;
    list->begun = true;
    list->n++;
    if (!at_char(list, '{'))
        return JSON_MEMBERS_MALFORMED;
    int r = take_nested(list, '}', &text);
    if (r == 0)
        json_members_start(object, text);
    return r;
}

int json_objects_next(struct json_members *list, struct json_members *object)
{
    int r = object_next(list, object);

    if (r != 0) { // what follows cannot be an object
        list->at = list->end;
        list->begun = true;
    }
    return r;
}

static uint32_t hex4(const char *at)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value = value << 4 | http_char_hex(at[i]);
    return value;
}

// The code point of the \u escape at `at`, which is checked, and the bytes it takes; 0 bytes for half a pair.
static size_t unicode_escape(const char *at, const char *end, uint32_t *point)
{
    uint32_t high = hex4(at + 2);

    *point = high;
    if (high < 0xd800 || high > 0xdfff)
        return 6;
    if (high > 0xdbff || end - at < 12 || at[6] != '\\' || at[7] != 'u')
        return 0;
    uint32_t low = hex4(at + 8);
    *point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

static size_t point_write(uint32_t point, char out[4])
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(leads[len == 1 ? 0 : len] | point);
    return len;
}

static char plain_escape(char c)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = strchr(from, c);

    return at ? to[at - from] : c;
}

// Decodes what stands at *at into out of up to 4 bytes; 0 bytes for half a pair.
static size_t char_decode(const char **at, const char *end, char out[4])
{
    uint32_t point;

    if (**at != '\\' || (*at)[1] != 'u') {
        bool escaped = **at == '\\';
        out[0] = escaped ? plain_escape((*at)[1]) : **at;
        *at += escaped ? 2 : 1;
        return 1;
    }
    size_t taken = unicode_escape(*at, end, &point);
    *at += taken;
    return taken > 0 ? point_write(point, out) : 0;
}

int json_text_decode(struct slice text, char *out, size_t out_bytes, size_t *len)
{
    const char *at = text.data, *end = text.data + text.len;
    char bytes[4];

    *len = 0;
    while (at < end) {
        size_t n = char_decode(&at, end, bytes);
        if (n == 0)
            return JSON_MEMBERS_MALFORMED;
        if (out_bytes - *len < n)
            return -ENOSPC;
        memcpy(out + *len, bytes, n);
        *len += n;
    }
    return 0;
}
