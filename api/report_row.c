// Rows as reports. Pure. The key of a row is the SHA-256 of what it says, cut to a UUID: the same row again
// is the same.

#include "api/report_row.h"

#include <stdio.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/report.h"

#define UUID_TEXT_BYTES 37

static void uuid_text(const uint8_t id[16], char out[UUID_TEXT_BYTES])
{
    char hex[33];
    sodium_bin2hex(hex, sizeof(hex), id, 16);
    snprintf(out, UUID_TEXT_BYTES, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool put(struct json *out, const char *name, struct slice text)
{
    return !text.data || json_put_text(out, name, text);
}

static bool put_key(struct json *out, const struct slice field[HIT_FIELD_COUNT])
{
    crypto_hash_sha256_state state;
    uint8_t hash[crypto_hash_sha256_BYTES];
    char text[UUID_TEXT_BYTES];
    crypto_hash_sha256_init(&state);
    for (uint32_t i = 1; i < HIT_FIELD_COUNT; i++) {
        const uint32_t head[2] = {i, (uint32_t)field[i].len};
        if (!field[i].data || i == HIT_REPORT_RAW)
            continue;
        crypto_hash_sha256_update(&state, (const uint8_t *)head, sizeof(head));
        crypto_hash_sha256_update(&state, (const uint8_t *)field[i].data, field[i].len);
    }
    crypto_hash_sha256_final(&state, hash);
    uuid_text(hash, text);
    return json_put_text(out, "key", slice_of(text));
}

static bool put_fields(struct json *out, const struct slice field[HIT_FIELD_COUNT])
{
    static const struct {
        const char *name;
        enum hit_field field;
    } texts[] = {{"order_id", HIT_REPORT_ORDER_ID},
                 {"kind", HIT_REPORT_KIND},
                 {"status", HIT_REPORT_STATUS},
                 {"amount", HIT_REPORT_AMOUNT},
                 {"currency", HIT_REPORT_CURRENCY},
                 {"promo", HIT_PROMO},
                 {"product", HIT_REPORT_PRODUCT},
                 {"customer", HIT_REPORT_CUSTOMER},
                 {"event_id", HIT_REPORT_EVENT_ID},
                 {"lines", HIT_REPORT_LINES},
                 {"sub1", HIT_SUB1},
                 {"sub2", HIT_SUB2},
                 {"sub3", HIT_SUB3},
                 {"sub4", HIT_SUB4},
                 {"sub5", HIT_SUB5},
                 {"sub6", HIT_SUB6},
                 {"sub7", HIT_SUB7},
                 {"sub8", HIT_SUB8},
                 {"sub9", HIT_SUB9},
                 {"sub10", HIT_SUB10},
                 {"raw", HIT_REPORT_RAW}};
    char text[CLOCK_TEXT_BYTES], uuid[UUID_TEXT_BYTES];
    bool whole = true;
    for (size_t i = 0; i < array_length(texts); i++)
        whole = whole && put(out, texts[i].name, field[texts[i].field]);
    if (field[HIT_REPORT_AMOUNT_MINOR].data)
        whole = whole && json_put(out, "amount_minor",
                                  json_whole((int64_t)bytes_get_u64(
                                      (const uint8_t *)field[HIT_REPORT_AMOUNT_MINOR].data)));
    if (field[HIT_REPORT_EVENT_TIME].data) {
        int64_t unix_ms = (int64_t)bytes_get_u64((const uint8_t *)field[HIT_REPORT_EVENT_TIME].data);
        whole = whole && put(out, "event_time", (struct slice){text, clock_format(unix_ms, text)});
    }
    if (field[HIT_REPORT_CLICK_ID].data) {
        uuid_text((const uint8_t *)field[HIT_REPORT_CLICK_ID].data, uuid);
        whole = whole && put(out, "click_id", slice_of(uuid));
    }
    return whole;
}

const char *report_row_read(struct slice object, struct slice currency, struct json *out)
{
    static struct scratch scratch; // one thread; nothing of it is kept
    struct report_values values;
    struct slice field[HIT_FIELD_COUNT] = {{0}};
    const struct report_input input = {.body = object, .body_is_json = true, .currency = currency};
    scratch_reset(&scratch);
    enum hit_reason reason = report_read(&input, &scratch, &values, field);
    if (reason != HIT_REASON_NONE)
        return report_fault_text(reason);
    return put_key(out, field) && put_fields(out, field) ? NULL
                                                         : "It is not UTF-8, or there was no memory for it.";
}
