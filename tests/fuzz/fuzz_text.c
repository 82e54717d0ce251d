// The small parsers of texts that visitors and shops send: ids, amounts, times, UTF-8, log values, key files.

#include <assert.h>
#include <string.h>

#include "base/click_id.h"
#include "base/clock.h"
#include "base/currency.h"
#include "base/log.h"
#include "base/money.h"
#include "base/utf8.h"

#define TEXT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void numbers_check(struct slice text)
{
    int64_t value;
    uint8_t id[CLICK_ID_BYTES];
    char out[MONEY_TEXT_BYTES], time[CLOCK_TEXT_BYTES], uuid[CLICK_ID_TEXT_BYTES];

    for (unsigned exponent = 0; exponent <= 3; exponent++) {
        if (money_parse(text, exponent, &value) == 0) {
            int64_t again;
            size_t len = money_format(value, exponent, out);
            int r = money_parse((struct slice){out, len}, exponent, &again);
            assert(value >= 0 && value <= MONEY_MINOR_MAX && r == 0 && again == value);
        }
    }
    if (clock_parse(text, &value) == 0)
        assert(value >= 0 && value <= CLOCK_MS_MAX && clock_format(value, time) == CLOCK_TEXT_BYTES - 1);
    if (click_id_parse(text, id) == 0) {
        click_id_format(id, uuid);
        assert(click_id_parse((struct slice){uuid, sizeof(uuid)}, id) == 0);
    }
    (void)currency_find(text);
}

static void texts_check(struct slice text)
{
    static char out[UTF8_SANITIZED_BYTES(TEXT_MAX)];
    struct log_field fields[] = {log_slice("v", text), LOG_FIELDS_END};
    bool all;

    struct slice clean = {out, utf8_sanitize(text, out, sizeof(out))};
    assert(utf8_valid(clean) && !memchr(out, '\0', clean.len));
    assert(utf8_valid(text) || !slice_equal(text, clean));
    size_t len = log_format(out, 200, fields, &all);
    assert(len <= 200 && utf8_printable((struct slice){out, len}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, min_of(size, TEXT_MAX)};
    struct click_id_keys keys;

    numbers_check(text);
    texts_check(text);
    if (click_id_keys_parse(&keys, text) == 0)
        assert(keys.known[keys.current]);
    return 0;
}
