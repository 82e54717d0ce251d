// Conversion reports: which are good, and why the others are refused.

#include "base/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes.h"

static struct click_id_keys keys;
static char click_id[CLICK_ID_TEXT_BYTES + 1];
static uint8_t click_id_bytes[CLICK_ID_BYTES];
static struct scratch scratch;
static struct report_values values;
static struct slice field[HIT_FIELD_COUNT];

// {"tid": "order_id", "sum": "amount", "st": "status"}
static const struct catalog_integration integration = {
    .integration_id = 1,
    .aliases = {"\0\3tid\0\10order_id\0\3sum\0\6amount\0\2st\0\6status", 40},
};

static int setup(void **state)
{
    struct click_id_generator generator;

    (void)state;
    assert_int_equal(click_id_keys_parse(&keys, SLICE("1 000102030405060708090a0b0c0d0e0f\n")), 0);
    click_id_generator_init(&generator, &keys, 7);
    click_id_next(&generator, 1700000000000, click_id_bytes);
    click_id_format(click_id_bytes, click_id);
    return 0;
}

static enum hit_reason report_of(const char *query, const char *body, const char *currency)
{
    const struct report_input input = {.query = slice_of(query),
                                       .body = slice_of(body),
                                       .integration = &integration,
                                       .currency = slice_of(currency),
                                       .keys = &keys};

    scratch_reset(&scratch);
    memset(field, 0, sizeof(field));
    return report_read(&input, &scratch, &values, field);
}

static enum hit_reason report_of_json(const char *query, const char *json)
{
    const struct report_input input = {.query = slice_of(query),
                                       .body = slice_of(json),
                                       .body_is_json = true,
                                       .integration = &integration,
                                       .currency = SLICE("RUB"),
                                       .keys = &keys};

    scratch_reset(&scratch);
    memset(field, 0, sizeof(field));
    return report_read(&input, &scratch, &values, field);
}

static void json_reasons_test(void **state)
{
    static const struct {
        const char *json;
        enum hit_reason reason;
    } cases[] = {
        {"{\"order_id\":1,\"amount\":10}", HIT_REASON_NONE},
        {"{\"tid\":\"1\",\"sum\":\"10\"}", HIT_REASON_NONE},
        {"{\"order_id\":\"1\",\"amount\":10,\"promo\":null,\"sub1\":true,\"extra\":\"\\u0000\"}",
         HIT_REASON_NONE},
        {"{}", HIT_REASON_ORDER_ID_MISSING},
        {"{\"order_id\":null,\"amount\":1}", HIT_REASON_ORDER_ID_MISSING},
        {"{\"order_id\":\"1\",\"amount\":-100}", HIT_REASON_AMOUNT_NEGATIVE},
        {"{\"order_id\":\"1\",\"amount\":1e9}", HIT_REASON_AMOUNT_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":0x10}", HIT_REASON_BODY_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,000.00}", HIT_REASON_BODY_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":\"1,000.00\"}", HIT_REASON_AMOUNT_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":NaN}", HIT_REASON_BODY_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":\"\\u0663\"}", HIT_REASON_AMOUNT_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1111111111111111111111111111111111111111}",
         HIT_REASON_AMOUNT_TOO_LARGE},
        {"{\"order_id\":\"1\",\"amount\":0.001}", HIT_REASON_AMOUNT_PRECISION},
        {"{\"order_id\":\"1\",\"amount\":1,\"currency\":\"XXX\"}", HIT_REASON_CURRENCY_UNKNOWN},
        {"{\"order_id\":\"1\",\"order_id\":\"1\",\"amount\":1}", HIT_REASON_PARAMETER_DUPLICATE},
        {"{\"order_id\":\"a\\u0000b\",\"amount\":1}", HIT_REASON_UTF8_INVALID},
        {"{\"order_id\":\"a\\ud800\",\"amount\":1}", HIT_REASON_UTF8_INVALID},
        {"{\"order_id\":\"a\xff\",\"amount\":1}", HIT_REASON_UTF8_INVALID},
        {"{\"order_id\":\"1\",\"amount\":1,\"customer\":{\"id\":1}}", HIT_REASON_BODY_NESTED},
        {"[{\"order_id\":\"1\",\"amount\":1}]", HIT_REASON_BODY_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"items\":[]}", HIT_REASON_BODY_NESTED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[]}", HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{}]}", HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[1]}", HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[[]]}", HIT_REASON_BODY_NESTED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"a\":{}}]}", HIT_REASON_BODY_NESTED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":1}", HIT_REASON_BODY_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":1},]}", HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":{\"amount\":1}}", HIT_REASON_BODY_NESTED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":3}", HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":1}],\"lines\":[{\"amount\":1}]}",
         HIT_REASON_PARAMETER_DUPLICATE},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":2}]}", HIT_REASON_LINES_EXCEED_AMOUNT},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":\"1,0\"}]}", HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":1,\"amount\":1}]}",
         HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":1,\"commissionable\":1.01}]}",
         HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":1,\"quantity\":0}]}",
         HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"amount\":1,\"lines\":[{\"amount\":1,\"sku\":\"a\\tb\"}]}",
         HIT_REASON_LINES_MALFORMED},
        {"{\"order_id\":\"1\",\"lines\":[{\"amount\":1,\"sku\":7,\"product\":\"\"}]}", HIT_REASON_NONE},
        {"order_id=1&amount=1", HIT_REASON_BODY_MALFORMED},
        {"{\"status\":\"ping\"}", HIT_REASON_STATUS_IGNORED},
        {"{\"status\":\"ping\",", HIT_REASON_BODY_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        enum hit_reason reason = report_of_json("ignore_status=ping", cases[i].json);
        if (reason != cases[i].reason)
            fail_msg("%s: %s", cases[i].json, hit_reason_name(reason));
    }
}

static void json_fields_test(void **state)
{
    (void)state;
    assert_int_equal(
        report_of_json("sub2=q",
                       "{\"order_id\":17,\"sum\":1990.50,\"product\":\"\\u0447\\u0430\\u0439\",\"st\":"
                       "\"paid\",\"event_time\":1700000000,\"sub1\":true}"),
        HIT_REASON_NONE);
    assert_true(slice_equal(field[HIT_REPORT_ORDER_ID], SLICE("17")));
    assert_true(slice_equal(field[HIT_REPORT_AMOUNT], SLICE("1990.50")));
    assert_int_equal(bytes_get_u64((const uint8_t *)field[HIT_REPORT_AMOUNT_MINOR].data), 199050);
    assert_true(slice_equal(field[HIT_REPORT_PRODUCT], SLICE("\xd1\x87\xd0\xb0\xd0\xb9")));
    assert_true(slice_equal(field[HIT_REPORT_STATUS], SLICE("approved")));
    assert_true(slice_equal(field[HIT_SUB1], SLICE("true")) && slice_equal(field[HIT_SUB2], SLICE("q")));
    assert_int_equal(report_of_json("", "{\"order_id\":1,\"amount\":9999999999999.99}"), HIT_REASON_NONE);
    assert_int_equal(bytes_get_u64((const uint8_t *)field[HIT_REPORT_AMOUNT_MINOR].data), 999999999999999);
}

static void lines_test(void **state)
{
    char json[4096];
    size_t at;

    (void)state;
    assert_int_equal(
        report_of_json("lines=own",
                       "{\"tid\":17,\"lines\" : [ {\"sku\":\"A]1\",\"product\":\"\\u0447\",\"amount\":10.50,"
                       "\"quantity\":2,\"commissionable\":\"0.5\"} , {\"category\":\"b\",\"amount\":1} ] }"),
        HIT_REASON_NONE);
    assert_true(
        slice_equal(field[HIT_REPORT_LINES], SLICE("A]1\t\xd1\x87\t\t2\t1050\t50\n\t\tb\t1\t100\t100\n")));
    assert_true(slice_equal(field[HIT_REPORT_AMOUNT], SLICE("11.50"))); // their sum
    assert_int_equal(bytes_get_u64((const uint8_t *)field[HIT_REPORT_AMOUNT_MINOR].data), 1150);
    for (unsigned lines = 50; lines <= 51; lines++) {
        at = (size_t)snprintf(json, sizeof(json), "{\"tid\":1,\"lines\":[{\"amount\":1}");
        for (unsigned i = 1; i < lines; i++)
            at += (size_t)snprintf(json + at, sizeof(json) - at, ",{\"amount\":1}");
        snprintf(json + at, sizeof(json) - at, "]}");
        assert_int_equal(report_of_json("", json), lines == 50 ? HIT_REASON_NONE : HIT_REASON_LINES_TOO_MANY);
    }
    assert_false(field[HIT_REPORT_LINES].data != NULL);
    assert_int_equal(report_of("tid=1&sum=1&lines=2", "", "RUB"), HIT_REASON_NONE); // a form's own
}

static void reasons_test(void **state)
{
    static const struct {
        const char *query;
        enum hit_reason reason;
    } cases[] = {
        {"order_id=1&amount=10", HIT_REASON_NONE},
        {"tid=1&sum=10", HIT_REASON_NONE},
        {"order_id=1&kind=lead", HIT_REASON_NONE},
        {"order_id=1&kind=Stage", HIT_REASON_NONE},
        {"order_id=1&kind=payment", HIT_REASON_AMOUNT_MISSING},
        {"order_id=1&kind=contract&amount=1", HIT_REASON_NONE},
        {"order_id=1&kind=payment&amount=1", HIT_REASON_NONE},
        {"order_id=1&kind=sales&amount=1", HIT_REASON_KIND_UNKNOWN},
        {"order_id=1&status=approved", HIT_REASON_NONE},
        {"order_id=1&status=declined", HIT_REASON_NONE},
        {"order_id=1&status=refund", HIT_REASON_NONE},
        {"order_id=1&amount=10&unknown=%ff", HIT_REASON_NONE},
        {"", HIT_REASON_ORDER_ID_MISSING},
        {"order_id=&amount=10", HIT_REASON_ORDER_ID_MISSING},
        {"amount=10", HIT_REASON_ORDER_ID_MISSING},
        {"order_id=1", HIT_REASON_AMOUNT_MISSING},
        {"order_id=1&kind=sale&status=hold", HIT_REASON_AMOUNT_MISSING},
        {"order_id=1&amount=-100", HIT_REASON_AMOUNT_NEGATIVE},
        {"order_id=1&amount=1e9", HIT_REASON_AMOUNT_MALFORMED},
        {"order_id=1&amount=0x10", HIT_REASON_AMOUNT_MALFORMED},
        {"order_id=1&amount=1,000.00", HIT_REASON_AMOUNT_MALFORMED},
        {"order_id=1&amount=NaN", HIT_REASON_AMOUNT_MALFORMED},
        {"order_id=1&amount=%D9%A3", HIT_REASON_AMOUNT_MALFORMED},
        {"order_id=1&amount=1.", HIT_REASON_AMOUNT_MALFORMED},
        {"order_id=1&amount=+5", HIT_REASON_AMOUNT_MALFORMED},
        {"order_id=1&amount=1111111111111111111111111111111111111111", HIT_REASON_AMOUNT_TOO_LARGE},
        {"order_id=1&amount=0.001", HIT_REASON_AMOUNT_PRECISION},
        {"order_id=1&amount=0.001&currency=KWD", HIT_REASON_NONE},
        {"order_id=1&amount=1.5&currency=JPY", HIT_REASON_AMOUNT_PRECISION},
        {"order_id=1&amount=10&currency=XXX", HIT_REASON_CURRENCY_UNKNOWN},
        {"order_id=1&amount=10&currency=RUR", HIT_REASON_CURRENCY_UNKNOWN},
        {"order_id=1&amount=10&currency=EURO", HIT_REASON_CURRENCY_UNKNOWN},
        {"order_id=1&status=approved&currency=XXX", HIT_REASON_CURRENCY_UNKNOWN},
        {"order_id=1&amount=10&currency=eur", HIT_REASON_NONE},
        {"order_id=1&amount=10&status=maybe", HIT_REASON_STATUS_UNKNOWN},
        {"order_id=1&amount=10&kind=gift", HIT_REASON_KIND_UNKNOWN},
        {"order_id=1&amount=10&click_id=1", HIT_REASON_CLICK_ID_MALFORMED},
        {"order_id=1&amount=10&click_id={click_id}", HIT_REASON_CLICK_ID_MALFORMED},
        {"order_id=1&amount=10&click_id=018bcfe5-6800-7000-8000-000000000000", HIT_REASON_CLICK_ID_FORGED},
        {"order_id=1&amount=10&event_time=yesterday", HIT_REASON_EVENT_TIME_MALFORMED},
        {"order_id=1&amount=10&event_time=2026-01-02T03:04:05Z", HIT_REASON_NONE},
        {"order_id=1&amount=10&event_time=1700000000", HIT_REASON_NONE},
        {"order_id=%ff&amount=10", HIT_REASON_UTF8_INVALID},
        {"order_id=a%00b&amount=10", HIT_REASON_UTF8_INVALID},
        {"order_id=a%0ab&amount=10", HIT_REASON_UTF8_INVALID},
        {"order_id=%zz&amount=10", HIT_REASON_UTF8_INVALID},
        {"order_id=1&order_id=1&amount=10", HIT_REASON_PARAMETER_DUPLICATE},
        {"order_id=1&tid=2&amount=10", HIT_REASON_PARAMETER_DUPLICATE},
        {"order_id=1&amount=10&amount=20", HIT_REASON_PARAMETER_DUPLICATE},
        {"order_id=1&amount=10&product=%D0%BF%D0%BB%D0%B0%D1%82%D1%8C%D0%B5&customer=c", HIT_REASON_NONE},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        enum hit_reason reason = report_of(cases[i].query, "", "RUB");
        if (reason != cases[i].reason)
            fail_msg("%s: %s", cases[i].query, hit_reason_name(reason));
        assert_true(slice_equal(field[HIT_REPORT_RAW], slice_of(cases[i].query)));
    }
}

static void words_test(void **state)
{
    static const struct {
        const char *query, *kind, *status;
    } cases[] = {
        {"order_id=1&amount=1", "sale", "pending"},
        {"order_id=1&amount=1&status=NEW&kind=Sale", "sale", "pending"},
        {"order_id=1&amount=1&status=hold", "sale", "pending"},
        {"order_id=1&status=lead&kind=lead", "lead", "pending"},
        {"order_id=1&st=confirmed", "sale", "approved"},
        {"order_id=1&status=sale", "sale", "approved"},
        {"order_id=1&status=paid", "sale", "approved"},
        {"order_id=1&status=Rejected", "sale", "declined"},
        {"order_id=1&status=cancelled", "sale", "declined"},
        {"order_id=1&status=canceled", "sale", "declined"},
        {"order_id=1&status=refund", "sale", "refunded"},
        {"order_id=1&status=chargeback", "sale", "refunded"},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        assert_int_equal(report_of(cases[i].query, "", "RUB"), HIT_REASON_NONE);
        assert_true(slice_equal(field[HIT_REPORT_KIND], slice_of(cases[i].kind)));
        assert_true(slice_equal(field[HIT_REPORT_STATUS], slice_of(cases[i].status)));
    }
}

static void fields_test(void **state)
{
    char query[512];

    (void)state;
    snprintf(query, sizeof(query), "click_id=%s&order_id=A%%2F1&promo=SUMMER&sub3=x&aff_sub4=y", click_id);
    assert_int_equal(
        report_of(query, "sum=1234.5&currency=eur&event_time=1700000000&event_id=e&product=p+q", "RUB"),
        HIT_REASON_NONE);
    assert_memory_equal(field[HIT_REPORT_CLICK_ID].data, click_id_bytes, CLICK_ID_BYTES);
    assert_true(slice_equal(field[HIT_REPORT_ORDER_ID], SLICE("A/1")));
    assert_true(slice_equal(field[HIT_REPORT_AMOUNT], SLICE("1234.5")));
    assert_int_equal(bytes_get_u64((const uint8_t *)field[HIT_REPORT_AMOUNT_MINOR].data), 123450);
    assert_true(slice_equal(field[HIT_REPORT_CURRENCY], SLICE("EUR")));
    assert_int_equal(bytes_get_u64((const uint8_t *)field[HIT_REPORT_EVENT_TIME].data), 1700000000000);
    assert_true(slice_equal(field[HIT_REPORT_EVENT_ID], SLICE("e")));
    assert_true(slice_equal(field[HIT_REPORT_PRODUCT], SLICE("p q")));
    assert_true(slice_equal(field[HIT_PROMO], SLICE("SUMMER")));
    assert_true(slice_equal(field[HIT_SUB3], SLICE("x")));
    assert_true(slice_equal(field[HIT_SUB4], SLICE("y")));
    assert_int_equal(field[HIT_REPORT_RAW].data[strlen(query)], '\n');
    assert_int_equal(field[HIT_REPORT_RAW].len, strlen(query) + 1 + 68);
}

static void currency_test(void **state)
{
    (void)state;
    assert_int_equal(report_of("order_id=1&amount=10", "", "JPY"), HIT_REASON_NONE);
    assert_null(field[HIT_REPORT_CURRENCY].data);
    assert_int_equal(bytes_get_u64((const uint8_t *)field[HIT_REPORT_AMOUNT_MINOR].data), 10);
    assert_int_equal(report_of("order_id=1&amount=10", "", ""), HIT_REASON_CURRENCY_MISSING);
    assert_null(field[HIT_REPORT_AMOUNT_MINOR].data);
}

static void forged_id_is_kept_test(void **state)
{
    (void)state;
    assert_int_equal(
        report_of("order_id=1&amount=10&click_id=018bcfe5-6800-7000-8000-000000000000", "", "RUB"),
        HIT_REASON_CLICK_ID_FORGED);
    assert_int_equal(field[HIT_REPORT_CLICK_ID].len, CLICK_ID_BYTES);
    assert_int_equal(report_of("order_id=1&amount=10&click_id=x", "", "RUB"), HIT_REASON_CLICK_ID_MALFORMED);
    assert_null(field[HIT_REPORT_CLICK_ID].data);
}

static void limits_test(void **state)
{
    static char body[60000];
    size_t len;

    (void)state;
    len = (size_t)sprintf(body, "order_id=");
    memset(body + len, 'a', REPORT_ID_MAX + 1);
    assert_int_equal(report_of("amount=1", body, "RUB"), HIT_REASON_PARAMETER_TOO_LONG);
    body[len + REPORT_ID_MAX] = '\0';
    assert_int_equal(report_of("amount=1", body, "RUB"), HIT_REASON_NONE);

    len = 0;
    for (unsigned i = 0; i < 300; i++)
        len += (size_t)sprintf(body + len, "p%u=1&", i);
    assert_int_equal(report_of("order_id=1&amount=1", body, "RUB"), HIT_REASON_PARAMETER_TOO_LONG);

    memset(body, 'x', sizeof(body) - 1);
    memcpy(body, "product=", 8);
    assert_int_equal(report_of("order_id=1&amount=1", body, "RUB"), HIT_REASON_PARAMETER_TOO_LONG);
    assert_int_equal(field[HIT_REPORT_RAW].len, HIT_RAW_MAX);
}

static void texts_test(void **state)
{
    (void)state;
    for (unsigned reason = HIT_REASON_KEY_UNKNOWN; reason < HIT_REASON_COUNT; reason++) {
        const char *text = report_fault_text((enum hit_reason)reason);
        assert_true(strlen(text) > 0 && strlen(text) < 200);
        assert_null(strpbrk(text, "\"\\\n")); // goes into JSON as it is
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_reasons_test),
        cmocka_unit_test(json_fields_test),
        cmocka_unit_test(lines_test),
        cmocka_unit_test(reasons_test),
        cmocka_unit_test(words_test),
        cmocka_unit_test(fields_test),
        cmocka_unit_test(currency_test),
        cmocka_unit_test(limits_test),
        cmocka_unit_test(forged_id_is_kept_test),
        cmocka_unit_test(texts_test),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
