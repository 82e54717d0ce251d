// Builds destinations and judges deep links. Pure.
//
// A destination is the target's bytes with what a header or a browser could misread percent-encoded:
// controls, spaces, quotes, angle brackets, backslashes and everything outside ASCII. So no CR, LF or NUL can
// come out whatever came in. Macros cost a target without them nothing: their bytes are among those that are
// looked at anyway, because they are not safe.

#include "tracker/target.h"

#include "base/bytes.h"
#include "base/http_char.h"
#include "base/query.h"
#include "base/utf8.h"

#define HOST_BYTES_MAX 253

static bool slice_begins(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len && http_char_same((struct slice){text.data, prefix.len}, prefix);
}

static struct slice slice_from(struct slice text, size_t offset)
{
    return (struct slice){text.data + offset, text.len - offset};
}

// What stands before the first `mark`; *rest gets what stands behind it, SLICE_NONE where there is none.
static struct slice slice_split(struct slice text, char mark, struct slice *rest)
{
    const char *at = text.len > 0 ? memchr(text.data, mark, text.len) : NULL;
    size_t len = at ? (size_t)(at - text.data) : text.len;

    *rest = at ? slice_from(text, len + 1) : SLICE_NONE;
    return (struct slice){text.data, len};
}

// "https://" or "http://": its length, else 0.
static size_t scheme_length(struct slice url)
{
    if (slice_begins(url, SLICE("https://")))
        return 8;
    return slice_begins(url, SLICE("http://")) ? 7 : 0;
}

static size_t authority_length(struct slice text)
{
    size_t len = 0;

    while (len < text.len && text.data[len] != '/' && text.data[len] != '?' && text.data[len] != '#')
        len++;
    return len;
}

bool target_deep_link_good(struct slice url, const struct catalog_program *program)
{
    char host[HOST_BYTES_MAX];
    size_t scheme = url.len <= TARGET_URL_MAX ? scheme_length(url) : 0;

    if (scheme == 0 || !utf8_printable(url) || memchr(url.data, '\\', url.len))
        return false;
    struct slice authority = slice_from(url, scheme), port;
    authority.len = authority_length(authority);
    struct slice name = slice_split(authority, ':', &port);
    if (port.data && !slice_equal(port, scheme == 8 ? SLICE("443") : SLICE("80")))
        return false;
    if (name.len == 0 || name.len > sizeof(host))
        return false;
    for (size_t i = 0; i < name.len; i++)
        host[i] = http_char_lower(name.data[i]);
    return catalog_program_allows(program, (struct slice){host, name.len});
}

struct building {
    struct bytes_writer out;
    const uint8_t *passed_end; // what is passed on may reach to here
    const struct macro_values *macros;
    struct slice click_id;
    bool click_id_written; // by a macro
};

// All or nothing, so that no value is cut.
static void macro_expand(struct building *building, enum catalog_macro macro)
{
    struct bytes_writer *out = &building->out;
    struct bytes_writer try = {out->at, (uint8_t *)building->passed_end, out->at >= building->passed_end};

    if (macro == CATALOG_MACRO_CLICK_ID) {
        bytes_write(out, building->click_id.data, building->click_id.len);
        building->click_id_written = true;
        return;
    }
    macro_write(&try, macro, building->macros);
    if (!try.overflow)
        out->at = try.at;
}

static void escape_write(struct bytes_writer *out, uint8_t c)
{
    static const char digits[] = "0123456789ABCDEF";

    bytes_write(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
}

static size_t safe_length(struct slice text)
{
    size_t len = 0;

    while (len < text.len && http_char_is(text.data[len], HTTP_CHAR_URL))
        len++;
    return len;
}

// What comes from the visitor: it holds no macro.
static void url_write(struct bytes_writer *out, struct slice text)
{
    for (;;) {
        size_t safe = safe_length(text);
        bytes_write(out, text.data, safe);
        if (safe == text.len)
            return;
        escape_write(out, (uint8_t)text.data[safe]);
        text = slice_from(text, safe + 1);
    }
}

// A part of the target.
static void part_write(struct building *building, struct slice text)
{
    for (;;) {
        size_t safe = safe_length(text);
        bytes_write(&building->out, text.data, safe);
        if (safe == text.len)
            return;
        uint8_t c = (uint8_t)text.data[safe];
        unsigned macro = (unsigned)c - CATALOG_MACRO_FIRST; // below it: a large number
        if (building->macros && macro < CATALOG_MACRO_COUNT)
            macro_expand(building, (enum catalog_macro)macro);
        else
            escape_write(&building->out, c);
        text = slice_from(text, safe + 1);
    }
}

static bool has_click_id(const struct building *building, struct slice text)
{
    return building->macros && text.len > 0 &&
           memchr(text.data, CATALOG_MACRO_FIRST + CATALOG_MACRO_CLICK_ID, text.len);
}

static bool name_is(struct slice encoded, struct slice plain)
{
    char buffer[32];
    size_t len;

    return encoded.len >= plain.len && query_decode(encoded, buffer, sizeof(buffer), &len) == 0 &&
           slice_equal((struct slice){buffer, len}, plain);
}

// A click_id of the target's own stays only where it is ours.
static bool own_stays(const struct building *building, struct slice param, struct slice name)
{
    if (param.len == 0)
        return false;
    return !name_is(name, SLICE("click_id")) || (building->click_id.data && has_click_id(building, param));
}

// The target's own parameters. Returns what goes before the next one.
static char write_own(struct building *building, struct slice query)
{
    char mark = '?';

    while (query.data) {
        struct slice rest, value, param = slice_split(query, '&', &rest);
        struct slice name = slice_split(param, '=', &value);
        if (own_stays(building, param, name)) {
            bytes_write_u8(&building->out, (uint8_t)mark);
            part_write(building, param);
            mark = '&';
        }
        query = rest;
    }
    return mark;
}

static void write_param(struct bytes_writer *out, char mark, struct slice name, struct slice value)
{
    bytes_write_u8(out, (uint8_t)mark);
    bytes_write(out, name.data, name.len);
    bytes_write_u8(out, '=');
    url_write(out, value);
}

// Ours has only letters, digits and dashes.
static void write_click_id(struct bytes_writer *out, char mark, struct slice click_id)
{
    bytes_write_u8(out, (uint8_t)mark);
    bytes_write(out, "click_id=", strlen("click_id="));
    bytes_write(out, click_id.data, click_id.len);
}

static bool query_has(struct slice query, struct slice name)
{
    struct slice value;

    return query_find(query, name, &value) == 0;
}

static char write_passed(struct building *building, char mark, const struct params *params, struct slice own)
{
    struct bytes_writer *out = &building->out;

    for (size_t i = 0; i < params->n_passed; i++) {
        const struct params_passed *passed = &params->passed[i];
        struct bytes_writer try = {out->at, (uint8_t *)building->passed_end, out->at >= building->passed_end};
        if (query_has(own, passed->name))
            continue;
        write_param(&try, mark, passed->name, passed->value);
        if (try.overflow)
            continue;
        out->at = try.at;
        mark = '&';
    }
    return mark;
}

struct slice target_build(struct slice target, const struct macro_values *macros, const struct params *params,
                          struct slice click_id, struct scratch *scratch)
{
    size_t mark_used = scratch->used;
    char *room = scratch_take(scratch, TARGET_BYTES_MAX);

    if (!room || target.len > TARGET_URL_MAX || scheme_length(target) == 0)
        return SLICE_NONE;
    struct building building = {.out = bytes_writer(room, TARGET_BYTES_MAX),
                                .passed_end = (const uint8_t *)room + TARGET_PASSED_MAX,
                                .macros = macros,
                                .click_id = click_id};
    struct slice fragment, query;
    struct slice path = slice_split(slice_split(target, '#', &fragment), '?', &query);
    part_write(&building, path);
    char mark = write_own(&building, query);
    mark = write_passed(&building, mark, params, query);
    if (click_id.data && !building.click_id_written && !has_click_id(&building, fragment))
        write_click_id(&building.out, mark, click_id);
    if (fragment.data) {
        bytes_write_u8(&building.out, '#');
        part_write(&building, fragment);
    }
    if (building.out.overflow)
        return SLICE_NONE;
    struct slice built = {room, (size_t)(building.out.at - (uint8_t *)room)};
    scratch->used = mark_used + built.len;
    return built;
}
