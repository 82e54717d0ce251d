// A click: the first line is the target, the rest its query. Whatever they hold, the destination is visible
// ASCII with our click id, a deep link that is taken begins with an allowed host, and the hit can be
// recorded.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/http_char.h"
#include "base/utf8.h"
#include "tracker/target.h"

static const struct catalog_program program = {.hosts = {"\0\14shop.example", 14}};
static struct scratch scratch;
static uint8_t record[HIT_RECORD_MAX + 4];

static void destination_is_safe(struct slice target, const struct macro_values *macros,
                                const struct params *params)
{
    struct slice built = target_build(target, macros, params, SLICE("I"), &scratch);
    bool own_id = macros && memchr(target.data, CATALOG_MACRO_FIRST + CATALOG_MACRO_CLICK_ID, target.len);

    for (size_t i = 0; i < built.len; i++)
        assert(built.data[i] > ' ' && built.data[i] < 0x7f);
    assert(!built.data || own_id || memmem(built.data, built.len, "click_id=I", 10));
}

// A catalog's target, with whatever the visitor sent in its macros: scheme and host are its own.
static void macros_stay_behind_the_host(struct slice target, const struct hit *hit,
                                        const struct params *params)
{
    static const struct facts facts = {.language = {NULL, 0}};
    const struct macro_values macros = {hit, params, &facts};
    size_t origin = 0;

    if (target.len == 0 || catalog_target_check(target) != 0)
        return;
    destination_is_safe(target, &macros, params);
    struct slice built = target_build(target, &macros, params, SLICE("I"), &scratch);
    while (origin < target.len && http_char_is(target.data[origin], HTTP_CHAR_TARGET) &&
           !strchr("\\#?", target.data[origin]) && !(target.data[origin] == '/' && origin > 7))
        origin++;
    assert(!built.data || (built.len >= origin && memcmp(built.data, target.data, origin) == 0));
}

static void deep_link_is_ours(struct slice url)
{
    static const struct slice origins[] = {{"https://shop.example", 20},
                                           {"http://shop.example", 19},
                                           {"https://shop.example:443", 24},
                                           {"http://shop.example:80", 22}};
    bool ours = false;

    for (size_t i = 0; i < array_length(origins); i++) {
        size_t len = origins[i].len;
        ours |= url.len >= len && http_char_same((struct slice){url.data, len}, origins[i]) &&
                (url.len == len || strchr("/?#", url.data[len]));
    }
    assert(ours || !target_deep_link_good(url, &program));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    struct slice target = {(const char *)data, line ? (size_t)(line - data) : size};
    struct slice query = {(const char *)data + target.len, size - target.len};
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN, .status = 302};
    struct bytes_writer writer = bytes_writer(record, sizeof(record));
    struct params params;

    scratch_reset(&scratch);
    params_read(query, &scratch, &params, hit.field);
    for (unsigned tag = 1; tag < HIT_FIELD_COUNT; tag++)
        assert(!hit.field[tag].data || utf8_valid(hit.field[tag]));
    assert(hit_encode(&writer, &hit) == 0);
    deep_link_is_ours(target);
    deep_link_is_ours(params.to);
    destination_is_safe(target, NULL, &params);
    macros_stay_behind_the_host(target, &hit, &params);
    return 0;
}
