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

static void destination_is_safe(struct slice target, const struct params *params)
{
    struct slice built = target_build(target, params, SLICE("I"), &scratch);

    for (size_t i = 0; i < built.len; i++)
        assert(built.data[i] > ' ' && built.data[i] < 0x7f);
    assert(!built.data || memmem(built.data, built.len, "click_id=I", 10));
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
    destination_is_safe(target, &params);
    return 0;
}
