// Hits: round trip of everything, strict decoding, stable names.

#include "base/hit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>

#include <cmocka.h>

static char filler[HIT_RAW_MAX + 1];

static size_t field_bytes(unsigned tag)
{
    switch (tag) {
    case HIT_VISITOR:
    case HIT_ADDRESS:
    case HIT_REPORT_CLICK_ID:
        return 16;
    case HIT_REPORT_AMOUNT_MINOR:
    case HIT_REPORT_EVENT_TIME:
    case HIT_ADDRESS_HASH:
        return 8;
    case HIT_COUNTRY:
        return HIT_COUNTRY_BYTES;
    case HIT_REGION:
    case HIT_REPORT_INTEGRATION:
    case HIT_ASN:
    case HIT_CLASS_VERSION:
        return 3;
    case HIT_DEVICE:
    case HIT_OS:
    case HIT_BROWSER:
    case HIT_REPORT_SIGNED:
        return 1;
    default:
        return tag;
    }
}

static struct hit full_hit(void)
{
    struct hit hit = {
        .kind = HIT_REPORT,
        .class = HIT_CLASS_INVALID,
        .reason = HIT_REASON_BODY_TYPE_UNSUPPORTED,
        .status = 302,
        .id = "0123456789abcdef",
        .program_id = 1,
        .partner_id = 128,
        .link_id = INT64_MAX,
        .catalog_revision = 77,
    };
    for (unsigned tag = 1; tag < HIT_FIELD_COUNT; tag++) {
        hit.field[tag] = (struct slice){filler + tag, field_bytes(tag)};
    }
    hit.field[HIT_DEVICE] = SLICE("\1");
    hit.field[HIT_OS] = SLICE("\2");
    hit.field[HIT_BROWSER] = SLICE("\3");
    hit.field[HIT_REPORT_SIGNED] = SLICE("\1");
    return hit;
}

static void a_full_hit_comes_back(void **state)
{
    (void)state;
    uint8_t wire[HIT_RECORD_MAX], again[HIT_RECORD_MAX];
    struct hit in = full_hit(), out;
    struct slice record;
    struct bytes_writer w = bytes_writer(wire, sizeof(wire));

    assert_int_equal(hit_encode(&w, &in), 0);
    struct bytes_reader r = bytes_reader(wire, (size_t)(w.at - wire));
    assert_int_equal(hit_next(&r, &out, &record), 0);
    assert_int_equal(out.kind, HIT_REPORT);
    assert_int_equal(out.status, 302);
    assert_memory_equal(out.id, in.id, HIT_ID_BYTES);
    assert_true(out.link_id == INT64_MAX && out.partner_id == 128 && out.catalog_revision == 77);
    for (unsigned tag = 1; tag < HIT_FIELD_COUNT; tag++)
        assert_true(slice_equal(in.field[tag], out.field[tag]));
    struct bytes_writer w2 = bytes_writer(again, sizeof(again));
    assert_int_equal(hit_encode(&w2, &out), 0);
    assert_memory_equal(wire, again, w.at - wire);
    assert_int_equal(hit_next(&r, &out, NULL), HIT_END);
}

static void absent_is_not_empty(void **state)
{
    (void)state;
    uint8_t wire[256];
    struct hit in = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN}, out;
    struct bytes_writer w = bytes_writer(wire, sizeof(wire));

    in.field[HIT_SUB1] = SLICE("");
    assert_int_equal(hit_encode(&w, &in), 0);
    assert_int_equal(w.at - wire, 1 + 3 + 2 + 16 + 5 + 2);
    struct bytes_reader r = bytes_reader(wire, (size_t)(w.at - wire));
    assert_int_equal(hit_next(&r, &out, NULL), 0);
    assert_non_null(out.field[HIT_SUB1].data);
    assert_null(out.field[HIT_SUB2].data);
}

static void every_cut_is_found(void **state)
{
    (void)state;
    uint8_t wire[HIT_RECORD_MAX];
    struct hit in = full_hit(), out;
    struct bytes_writer w = bytes_writer(wire, sizeof(wire));

    assert_int_equal(hit_encode(&w, &in), 0);
    size_t bytes = (size_t)(w.at - wire);
    for (size_t cut = 1; cut < bytes; cut++) {
        struct bytes_reader r = bytes_reader(wire, cut);
        assert_int_equal(hit_next(&r, &out, NULL), HIT_TRUNCATED);
        assert_true(r.bad);
        w = bytes_writer(wire, cut);
        assert_int_equal(hit_encode(&w, &in), -ENOBUFS);
        assert_true(w.at == wire);
        w = bytes_writer(wire, bytes);
        assert_int_equal(hit_encode(&w, &in), 0);
    }
}

#define HEAD                                                                                                 \
    "\x01\x01\x00\x2e\x01"                                                                                   \
    "0123456789abcdef"                                                                                       \
    "\x01\x02\x03\x00\x05"
#define CASE(text, condition)                                                                                \
    {                                                                                                        \
        text, sizeof(text) - 1, condition                                                                    \
    }

static const struct {
    const char *record;
    size_t len;
    int condition;
} records[] = {
    CASE(HEAD, 0),
    CASE(HEAD "\x06\x02hi", 0),
    CASE(HEAD "\x06\x02hi\x0b\x00", 0),
    CASE(HEAD "\x06\x02hi\x06\x02hi", HIT_FIELD_ORDER),
    CASE(HEAD "\x07\x02hi\x06\x02hi", HIT_FIELD_ORDER),
    CASE(HEAD "\x00\x00", HIT_FIELD_UNKNOWN),
    CASE(HEAD "\x7f\x00", HIT_FIELD_UNKNOWN),
    CASE(HEAD "\xff\x00", HIT_FIELD_UNKNOWN),
    CASE(HEAD "\x06\x03hi", HIT_TRUNCATED),
    CASE(HEAD "\x06\x82\x00hi", HIT_TRUNCATED),
    CASE(HEAD "\x06", HIT_TRUNCATED),
    CASE(HEAD "\x02\x04"
              "1234",
         HIT_FIELD_SIZE),
    CASE(HEAD "\x03\x04"
              "1234",
         0),
    CASE(HEAD "\x03\x05"
              "12345",
         HIT_FIELD_SIZE),
    CASE("\x00"
         "\x01\x00\x2e\x01"
         "0123456789abcdef"
         "\x01\x02\x03\x00\x05",
         HIT_KIND_UNKNOWN),
    CASE("\x06"
         "\x01\x00\x2e\x01"
         "0123456789abcdef"
         "\x01\x02\x03\x00\x05",
         HIT_KIND_UNKNOWN),
    CASE("\x01"
         "\x08\x00\x2e\x01"
         "0123456789abcdef"
         "\x01\x02\x03\x00\x05",
         HIT_KIND_UNKNOWN),
    CASE("\x01"
         "\x01\x7f\x2e\x01"
         "0123456789abcdef"
         "\x01\x02\x03\x00\x05",
         HIT_KIND_UNKNOWN),
    CASE("\x01\x01\x00\x2e\x01"
         "0123456789abcdef"
         "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x00\x05",
         HIT_KIND_UNKNOWN),
};

static void a_cut_head_is_truncated(void **state)
{
    (void)state;
    struct hit hit;
    for (size_t len = 0; len < sizeof(HEAD) - 1; len++)
        assert_int_equal(hit_decode(HEAD, len, &hit), HIT_TRUNCATED);
    static char long_record[HIT_RECORD_MAX + 1];
    assert_int_equal(hit_decode(long_record, sizeof(long_record), &hit), HIT_TOO_LONG);
}

static void decoding_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(records); i++) {
        struct hit hit;
        int r = hit_decode(records[i].record, records[i].len, &hit);
        if (r != records[i].condition)
            fail_msg("case %zu: %d instead of %d", i, r, records[i].condition);
    }
}

static void a_broken_record_does_not_stop_the_next(void **state)
{
    (void)state;
    static const char wire[] = "\x1c" HEAD "\x00\x00"
                               "\x1a" HEAD;
    struct bytes_reader r = bytes_reader(wire, sizeof(wire) - 1);
    struct slice record;
    struct hit hit;

    assert_int_equal(hit_next(&r, &hit, &record), HIT_FIELD_UNKNOWN);
    assert_int_equal(record.len, 28);
    assert_int_equal(hit_next(&r, &hit, &record), 0);
    assert_int_equal(hit_next(&r, &hit, &record), HIT_END);
}

static void limits_hold(void **state)
{
    (void)state;
    uint8_t wire[2 * HIT_RECORD_MAX];
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN};
    struct bytes_writer w = bytes_writer(wire, sizeof(wire));

    hit.field[HIT_SUB1] = (struct slice){filler, HIT_FIELD_MAX};
    hit.field[HIT_REPORT_RAW] = (struct slice){filler, HIT_RAW_MAX};
    assert_int_equal(hit_encode(&w, &hit), 0);
    hit.field[HIT_SUB1].len++;
    assert_int_equal(hit_encode(&w, &hit), HIT_TOO_LONG);
    hit.field[HIT_SUB1].len--;
    hit.field[HIT_REPORT_RAW].len++;
    assert_int_equal(hit_encode(&w, &hit), HIT_TOO_LONG);
    for (unsigned tag = HIT_SUB1; tag <= HIT_SUB10; tag++)
        hit.field[tag] = (struct slice){filler, HIT_FIELD_MAX};
    hit.field[HIT_REPORT_RAW] = SLICE_NONE;
    assert_int_equal(hit_encode(&w, &hit), HIT_TOO_LONG);
    hit = (struct hit){.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN};
    hit.field[HIT_VISITOR] = SLICE("short");
    assert_int_equal(hit_encode(&w, &hit), HIT_FIELD_SIZE);
    hit.field[HIT_VISITOR] = SLICE_NONE;
    hit.field[HIT_REPORT_INTEGRATION] = SLICE("");
    assert_int_equal(hit_encode(&w, &hit), HIT_FIELD_SIZE);
    hit.field[HIT_REPORT_INTEGRATION] = SLICE_NONE;
    hit.field[HIT_REGION] = SLICE("MOSC");
    assert_int_equal(hit_encode(&w, &hit), HIT_FIELD_SIZE);
    hit.field[HIT_REGION] = SLICE_NONE;
    static const enum hit_field listed[] = {HIT_DEVICE, HIT_OS, HIT_BROWSER, HIT_REPORT_SIGNED};
    for (size_t i = 0; i < array_length(listed); i++) {
        hit.field[listed[i]] = SLICE("\0");
        assert_int_equal(hit_encode(&w, &hit), HIT_KIND_UNKNOWN);
        hit.field[listed[i]] = SLICE("\377");
        assert_int_equal(hit_encode(&w, &hit), HIT_KIND_UNKNOWN);
        hit.field[listed[i]] = SLICE_NONE;
    }
    hit.kind = HIT_KIND_COUNT;
    assert_int_equal(hit_encode(&w, &hit), HIT_KIND_UNKNOWN);
    hit.kind = HIT_CLICK;
    hit.program_id = UINT64_MAX;
    assert_int_equal(hit_encode(&w, &hit), HIT_KIND_UNKNOWN);
}

static void names_check(const char *(*name)(unsigned), unsigned first, unsigned count)
{
    for (unsigned i = first; i < count; i++) {
        assert_non_null(name(i));
        for (unsigned j = first; j < i; j++)
            assert_string_not_equal(name(i), name(j));
    }
    assert_null(name(count));
    assert_null(name(UINT32_MAX));
}

static void every_number_has_a_name(void **state)
{
    (void)state;
    names_check(hit_kind_name, 1, HIT_KIND_COUNT);
    names_check(hit_class_name, 1, HIT_CLASS_COUNT);
    names_check(hit_reason_name, 0, HIT_REASON_COUNT);
    names_check(hit_field_name, 1, HIT_FIELD_COUNT);
    names_check(hit_device_name, 1, HIT_DEVICE_COUNT);
    names_check(hit_os_name, 1, HIT_OS_COUNT);
    names_check(hit_browser_name, 1, HIT_BROWSER_COUNT);
    assert_string_equal(hit_field_name(50), "class_version");
    assert_string_equal(hit_field_name(51), "report_signed");
    assert_string_equal(hit_device_name(5), "other");
    assert_string_equal(hit_os_name(11), "other");
    assert_string_equal(hit_browser_name(40), "other");
    assert_string_equal(hit_reason_name(HIT_REASON_CLICK_ID_FORGED), "click_id_forged");
    assert_string_equal(hit_field_name(42), "report_raw");
    assert_string_equal(hit_reason_name(27), "body_type_unsupported");
    assert_string_equal(hit_condition_name(HIT_FIELD_ORDER), "field_order");
    assert_null(hit_condition_name(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_hit_comes_back), cmocka_unit_test(absent_is_not_empty),
        cmocka_unit_test(every_cut_is_found),    cmocka_unit_test(a_cut_head_is_truncated),
        cmocka_unit_test(decoding_is_strict),    cmocka_unit_test(a_broken_record_does_not_stop_the_next),
        cmocka_unit_test(limits_hold),           cmocka_unit_test(every_number_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
