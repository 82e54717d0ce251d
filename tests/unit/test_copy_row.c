// Rows are read back column by column, with the names of the statement, and compared with what the hit said.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/copy_row.h"

#define COLUMNS_MAX 64

static const uint8_t producer[16] = {0xaa, 0xbb};
static const struct copy_origin origin = {producer, 258, UINT64_C(0xfffffffffffffffe)};
static uint8_t row[COPY_ROW_BYTES_MAX];

struct cell {
    char name[32];
    struct slice value; // .data NULL: null
};

// Pairs the names in the statement with the cells of the row.
static size_t row_read(enum copy_table table, size_t bytes, struct cell cells[COLUMNS_MAX])
{
    const uint8_t *at = row;
    char statement[COPY_STATEMENT_BYTES], *save = NULL;
    size_t n = 0;

    copy_statement(table, COPY_ANY_DAY, 0, statement);
    char *names = strchr(statement, '(') + 1;
    *strchr(names, ')') = '\0';
    size_t columns = (size_t)at[0] << 8 | at[1];
    at += 2;
    for (char *name = strtok_r(names, ", ", &save); name; name = strtok_r(NULL, ", ", &save), n++) {
        uint32_t len = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        at += 4;
        snprintf(cells[n].name, sizeof(cells[n].name), "%s", name);
        cells[n].value = len == UINT32_MAX ? SLICE_NONE : (struct slice){(const char *)at, len};
        at += len == UINT32_MAX ? 0 : len;
    }
    assert_int_equal(n, columns);
    assert_int_equal(at - row, bytes);
    return n;
}

// "null", or hex of numbers and ids, or the text behind a '='.
static void cell_check(const struct cell cells[], size_t n, const char *name, const char *expected)
{
    char text[256] = "null";

    for (size_t i = 0; i < n; i++) {
        if (strcmp(cells[i].name, name) != 0)
            continue;
        if (cells[i].value.data && expected[0] == '=')
            snprintf(text, sizeof(text), "=%.*s", (int)cells[i].value.len, cells[i].value.data);
        for (size_t b = 0; cells[i].value.data && expected[0] != '=' && b < cells[i].value.len; b++)
            sprintf(text + 2 * b, "%02x", (uint8_t)cells[i].value.data[b]);
        if (strcmp(text, expected) != 0)
            fail_msg("%s: %s, not %s", name, text, expected);
        return;
    }
    fail_msg("no column %s", name);
}

static void field_set(struct hit *hit, enum hit_field field, const void *data, size_t len)
{
    hit->field[field] = (struct slice){data, len};
}

// 2026-11-23T00:00:00.001Z
static struct hit hit_of(enum hit_kind kind)
{
    return (struct hit){.kind = kind,
                        .class = HIT_CLASS_HUMAN,
                        .status = 302,
                        .id = {0x01, 0x9a, 0xae, 0x16, 0xa8, 0x01, 0x70, 0x00, 0x80},
                        .catalog_revision = 7};
}

static size_t write_and_read(const struct hit *hit, struct cell cells[COLUMNS_MAX])
{
    struct bytes_writer w = bytes_writer(row, sizeof(row));
    assert_int_equal(copy_row_write(&w, hit, &origin), 0);
    return row_read(copy_table_of(hit->kind), (size_t)(w.at - row), cells);
}

static void test_click(void **state)
{
    (void)state;
    static const uint8_t visitor[16] = {0x11}, v4[4] = {192, 0, 2, 1};
    struct cell cells[COLUMNS_MAX];
    struct hit hit = hit_of(HIT_CLICK);
    hit.program_id = 1;
    hit.partner_id = 0x0102;
    field_set(&hit, HIT_VISITOR, visitor, 16);
    field_set(&hit, HIT_ADDRESS, v4, 4);
    field_set(&hit, HIT_SUB1, "a\0b\xff", 4);
    field_set(&hit, HIT_SUB2, "", 0);
    field_set(&hit, HIT_ERID, "2VtzqxPkK", 9);
    field_set(&hit, HIT_ADDRESS_HASH, "\1\2\3\4\5\6\7\10", 8);
    field_set(&hit, HIT_COUNTRY, "RU", 2);
    field_set(&hit, HIT_REGION, "MOW", 3);
    field_set(&hit, HIT_ASN, "\x81\x01", 2);
    field_set(&hit, HIT_DEVICE, &(uint8_t){HIT_DEVICE_PHONE}, 1);
    field_set(&hit, HIT_OS, &(uint8_t){HIT_OS_IOS}, 1);
    field_set(&hit, HIT_BROWSER, &(uint8_t){HIT_BROWSER_SAFARI}, 1);
    field_set(&hit, HIT_CLASS_VERSION, "\x8f\x01", 2);

    size_t n = write_and_read(&hit, cells);
    char ts[17];
    snprintf(ts, sizeof(ts), "%016llx", (unsigned long long)(0x019aae16a801 - 946684800000) * 1000);
    cell_check(cells, n, "ts", ts);
    cell_check(cells, n, "click_id", "019aae16a80170008000000000000000");
    cell_check(cells, n, "visitor_id", "11000000000000000000000000000000");
    cell_check(cells, n, "program_id", "0000000000000001");
    cell_check(cells, n, "partner_id", "0000000000000102");
    cell_check(cells, n, "link_id", "null");
    cell_check(cells, n, "class", "=human");
    cell_check(cells, n, "reason", "=none");
    cell_check(cells, n, "status", "012e");
    cell_check(cells, n, "address", "02200004c0000201");
    cell_check(cells, n, "address_hash", "0807060504030201");
    cell_check(cells, n, "country", "=RU");
    cell_check(cells, n, "region", "=MOW");
    cell_check(cells, n, "asn", "0000000000000081");
    cell_check(cells, n, "device", "=phone");
    cell_check(cells, n, "os", "=ios");
    cell_check(cells, n, "browser", "=safari");
    cell_check(cells, n, "class_version", "0000008f");
    cell_check(cells, n, "sub1",
               "=a\xef\xbf\xbd"
               "b\xef\xbf\xbd");
    cell_check(cells, n, "sub2", "=");
    cell_check(cells, n, "sub3", "null");
    cell_check(cells, n, "erid", "=2VtzqxPkK");
    cell_check(cells, n, "catalog_revision", "0000000000000007");
    cell_check(cells, n, "producer", "aabb0000000000000000000000000000");
    cell_check(cells, n, "seq", "0000000000000102");
    cell_check(cells, n, "content_hash", "fffffffffffffffe");
}

static void test_report(void **state)
{
    (void)state;
    static const uint8_t minor[8] = {0x39, 0x30}, time[8] = {0x00, 0xe4, 0x0b, 0x54, 0x02}; // 10^10 ms
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
    struct cell cells[COLUMNS_MAX];
    struct hit hit = hit_of(HIT_REPORT);
    field_set(&hit, HIT_REPORT_INTEGRATION, "\x81\x01", 2);
    field_set(&hit, HIT_REPORT_ORDER_ID, "A-1", 3);
    field_set(&hit, HIT_REPORT_AMOUNT_MINOR, minor, 8);
    field_set(&hit, HIT_REPORT_EVENT_TIME, time, 8);
    field_set(&hit, HIT_ADDRESS, v6, 16);

    size_t n = write_and_read(&hit, cells);
    cell_check(cells, n, "source", "=postback");
    cell_check(cells, n, "integration_id", "0000000000000081");
    cell_check(cells, n, "order_id", "=A-1");
    cell_check(cells, n, "signed", "00");
    cell_check(cells, n, "amount_minor", "0000000000003039");
    cell_check(cells, n, "event_time", "fffcac17133ac000");
    cell_check(cells, n, "address", "0380001020010db8000000000000000000000000");
    cell_check(cells, n, "verdict", "null");
    cell_check(cells, n, "verdict_at", "null");

    hit.reason = HIT_REASON_AMOUNT_NEGATIVE;
    hit.field[HIT_REPORT_INTEGRATION] = SLICE_NONE;
    hit.field[HIT_REPORT_SIGNED] = SLICE("\1");
    hit.field[HIT_REPORT_LINES] = SLICE("A\t\t\t1\t1\t1\n");
    n = write_and_read(&hit, cells);
    cell_check(cells, n, "source", "=pixel");
    cell_check(cells, n, "signed", "01");
    cell_check(cells, n, "lines", "=A\t\t\t1\t1\t1\n");
    cell_check(cells, n, "integration_id", "null");
    cell_check(cells, n, "verdict", "=amount_negative");
    assert_true(cells[n - 4].value.data != NULL); // verdict_at
}

static void test_refused(void **state)
{
    (void)state;
    static const uint8_t far[8] = {0, 0, 0, 0, 0, 0, 1, 0};
    struct bytes_writer w = bytes_writer(row, sizeof(row));
    struct hit hit = hit_of(HIT_REPORT);

    field_set(&hit, HIT_REPORT_EVENT_TIME, far, 8);
    assert_int_equal(copy_row_write(&w, &hit, &origin), COPY_TIME);
    hit.field[HIT_REPORT_EVENT_TIME] = SLICE_NONE;
    field_set(&hit, HIT_REPORT_INTEGRATION, "\x81", 1);
    assert_int_equal(copy_row_write(&w, &hit, &origin), COPY_NUMBER);
    hit = hit_of(HIT_VISIT);
    field_set(&hit, HIT_CLASS_VERSION, "\x80\x80\x80\x80\x08", 5); // 2^31
    assert_int_equal(copy_row_write(&w, &hit, &origin), COPY_NUMBER);
}

static void test_referrer(void **state)
{
    static const struct {
        const char *referrer, *host, *path;
    } cases[] = {
        {"blog.example/a/b", "=blog.example", "=/a/b"},
        {"blog.example", "=blog.example", "null"},
        {"blog.example/", "=blog.example", "=/"},
        {"https://blog.example:8443/a?q=/x#f", "=blog.example:8443", "=/a"},
        {"https://blog.example?q=1", "=blog.example", "null"},
        {"", "=", "null"},
    };
    struct cell cells[COLUMNS_MAX];
    struct hit hit = hit_of(HIT_IMPRESSION);

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        hit.field[HIT_REFERRER] = slice_of(cases[i].referrer);
        size_t n = write_and_read(&hit, cells);
        cell_check(cells, n, "referrer_host", cases[i].host);
        cell_check(cells, n, "referrer_path", cases[i].path);
    }
    hit.field[HIT_REFERRER] = SLICE_NONE;
    size_t n = write_and_read(&hit, cells);
    cell_check(cells, n, "referrer_host", "null");
    cell_check(cells, n, "device", "null");
}

// Every field of a hit as long as a record allows, all of it bad bytes.
static void test_longest(void **state)
{
    (void)state;
    static char bad[HIT_FIELD_MAX];
    memset(bad, 0xff, sizeof(bad));
    for (unsigned kind = HIT_CLICK; kind < HIT_KIND_COUNT; kind++) {
        struct hit hit = hit_of(kind);
        size_t left = HIT_RECORD_MAX;
        for (unsigned f = HIT_HOST; f <= HIT_PROMO && left >= HIT_FIELD_MAX; f++, left -= HIT_FIELD_MAX)
            field_set(&hit, f, bad, HIT_FIELD_MAX);
        struct bytes_writer w = bytes_writer(row, sizeof(row));
        assert_int_equal(copy_row_write(&w, &hit, &origin), 0);
    }
}

static void test_statement(void **state)
{
    static const struct {
        enum copy_table table;
        uint64_t day;
        uint32_t part;
        const char *begin;
    } cases[] = {
        {COPY_CLICK, COPY_ANY_DAY, 0, "copy clickledger.click (ts, click_id,"},
        {COPY_CLICK, 20484, 0, "copy clickledger.click_20260131 (ts, click_id,"},
        {COPY_CLICK, 20484, UINT32_MAX, "copy clickledger.click_20260131_4294967295 (ts, click_id,"},
        {COPY_PROMO_ENTRY, 20485, 0, "copy clickledger.promo_entry_20260201 (ts, hit_id,"},
        {COPY_VISIT, 19782, 0, "copy clickledger.visit_20240229 (ts, hit_id,"},
        {COPY_REPORT, COPY_ANY_DAY, 0, "copy clickledger.conversion_report (ts, id,"},
    };
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        char text[COPY_STATEMENT_BYTES];
        copy_statement(cases[i].table, cases[i].day, cases[i].part, text);
        assert_memory_equal(text, cases[i].begin, strlen(cases[i].begin));
        assert_non_null(strstr(text, ") from stdin (format binary)"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_click),    cmocka_unit_test(test_report),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_referrer), cmocka_unit_test(test_longest), cmocka_unit_test(test_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
