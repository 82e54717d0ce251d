// Records of the catalog: what PostgreSQL makes is understood, byte for byte; nothing else is.

#include "base/catalog.h"

#include "tests/unit/catalog_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// As clickledger.catalog_take() wrote it for: id 5, programme 1, partner 1, active.
static const char from_sql[] = "\x04\x00\x00\x05\x00\x00\x00\x2f"
                               "slugX"
                               "\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x01\x00\x14"
                               "https://shop.example";

static struct catalog_record decoded(const struct catalog_made *made)
{
    struct catalog_record record;
    assert_int_equal(catalog_record_decode(made_slice(made), &record), 0);
    return record;
}

static void sql_and_c_agree(void **state)
{
    (void)state;
    struct catalog_record record;
    struct catalog_link link;
    assert_int_equal(catalog_record_decode((struct slice){from_sql, sizeof(from_sql) - 1}, &record), 0);
    assert_int_equal(catalog_link_decode(&record, &link), 0);
    assert_true(slice_equal(record.key, SLICE("slugX")));
    assert_true(link.link_id == 5 && link.program_id == 1 && link.partner_id == 1 && link.active);
    assert_true(slice_equal(link.target_url, SLICE("https://shop.example")));
}

static void a_program_says_which_hosts_it_allows(void **state)
{
    (void)state;
    struct catalog_made made = made_program(7, "demo");
    struct catalog_record record = decoded(&made);
    struct catalog_program program;
    assert_int_equal(catalog_program_decode(&record, &program), 0);
    assert_true(program.id == 7 && program.active && !program.visitor_cookie);
    assert_true(slice_equal(program.code, SLICE("demo")) && slice_equal(program.currency, SLICE("RUB")));
    assert_true(catalog_program_allows(&program, SLICE("shop.example")));
    assert_true(catalog_program_allows(&program, SLICE("www.shop.example")));
    static const char *const refused[] = {
        "", "shop", "shop.example.evil", "evil.example", "hop.example", "SHOP.example"};
    for (size_t i = 0; i < array_length(refused); i++)
        assert_false(catalog_program_allows(&program, slice_of(refused[i])));
}

static void an_integration_translates_names(void **state)
{
    (void)state;
    struct catalog_made made = made_integration((const uint8_t *)"0123456789abcdef0123456789abcdef", 3);
    struct catalog_record record = decoded(&made);
    struct catalog_integration integration;
    assert_int_equal(catalog_integration_decode(&record, &integration), 0);
    assert_true(slice_equal(catalog_integration_alias(&integration, SLICE("tid")), SLICE("order_id")));
    assert_null(catalog_integration_alias(&integration, SLICE("order_id")).data);
}

// Every prefix, and every record with one byte too many, is malformed; no byte changed makes anybody read
// elsewhere.
static void nothing_else_is_a_record(void **state)
{
    (void)state;
    const struct catalog_made all[] = {
        made_settings(4),
        made_link("s", 1, true, "https://a.example"),
        made_program(1, "demo"),
        made_promo_code("SUMMER", 1, "Summer"),
        made_program_code("demo", 1),
        made_integration((const uint8_t *)"0123456789abcdef0123456789abcdef", 3),
    };
    for (size_t i = 0; i < array_length(all); i++) {
        struct catalog_record record = decoded(&all[i]);
        assert_int_equal(catalog_record_check(&record), 0);
        for (size_t len = 0; len < all[i].len; len++)
            assert_int_equal(catalog_record_decode((struct slice){(const char *)all[i].bytes, len}, &record),
                             CATALOG_MALFORMED);
        for (size_t len = record.value.len; len-- > 0;) {
            struct catalog_record cut = decoded(&all[i]);
            cut.value.len = len;
            struct catalog_program program;
            // A list may end after any whole item: only that is a value as well.
            if (catalog_record_check(&cut) == 0)
                assert_true(cut.type == CATALOG_INTEGRATION || catalog_program_decode(&cut, &program) == 0);
        }
        struct catalog_made more = all[i];
        more.bytes[more.len++] = 0;
        assert_int_equal(catalog_record_decode(made_slice(&more), &record), CATALOG_MALFORMED);
    }
}

static void values_out_of_range_are_malformed(void **state)
{
    (void)state;
    const struct catalog_made all[] = {
        made_settings(0),
        made_settings(CATALOG_SHARDS_MAX + 1),
        made_link("s", 0, true, ""),
        made_link("s", UINT64_MAX, true, ""),
        made_program(0, "demo"),
        made_program_code("demo", 0),
    };
    for (size_t i = 0; i < array_length(all); i++) {
        struct catalog_record record = decoded(&all[i]);
        assert_int_equal(catalog_record_check(&record), CATALOG_MALFORMED);
    }
}

static void a_tombstone_is_no_value(void **state)
{
    (void)state;
    struct catalog_made made = made_record(CATALOG_LINK, SLICE("s"), NULL);
    struct catalog_record record = decoded(&made);
    struct catalog_link link;
    assert_true(record.tombstone);
    assert_int_equal(catalog_record_check(&record), 0);
    assert_int_equal(catalog_link_decode(&record, &link), CATALOG_MALFORMED);
}

static void a_newer_release_may_add_types(void **state)
{
    (void)state;
    struct catalog_made value = {.len = 0};
    made_text(&value, "whatever");
    struct catalog_made made = made_record(200, SLICE("key"), &value);
    struct catalog_record record = decoded(&made);
    assert_int_equal(catalog_record_check(&record), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_and_c_agree),
        cmocka_unit_test(a_program_says_which_hosts_it_allows),
        cmocka_unit_test(an_integration_translates_names),
        cmocka_unit_test(nothing_else_is_a_record),
        cmocka_unit_test(values_out_of_range_are_malformed),
        cmocka_unit_test(a_tombstone_is_no_value),
        cmocka_unit_test(a_newer_release_may_add_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
