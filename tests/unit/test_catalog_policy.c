// Extensions of catalog records: whose cookie where, which status means what, which secrets are live.

#include "base/catalog_policy.h"

#include "tests/unit/catalog_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct catalog_made program_value(void)
{
    struct catalog_made value = {.len = 0};

    made_number(&value, 0x0101, 2); // active, visitor cookie
    made_text(&value, "demo");
    made_text(&value, "RUB");
    made_text(&value, "");
    made_text(&value, "shop.example");
    return value;
}

static void made_extension(struct catalog_made *value, const struct catalog_made *extension)
{
    made_text(value, "");
    made_number(value, extension->len, 2);
    made_put(value, extension->bytes, extension->len);
}

static struct catalog_made program_made(const struct catalog_made *extension)
{
    struct catalog_made value = program_value();
    char key[CATALOG_ID_BYTES];

    if (extension)
        made_extension(&value, extension);
    catalog_program_key(7, key);
    return made_record(CATALOG_PROGRAM, (struct slice){key, sizeof(key)}, &value);
}

static struct catalog_program program_of(const struct catalog_made *made)
{
    struct catalog_record record;
    struct catalog_program program;

    assert_int_equal(catalog_record_decode(made_slice(made), &record), 0);
    assert_int_equal(catalog_program_decode(&record, &program), 0);
    assert_true(slice_equal(program.hosts, (struct slice){"\0\14shop.example", 14}));
    return program;
}

static void hosts_test(void **state)
{
    static const struct {
        const char *host;
        bool cookie;
    } cases[] = {
        {"go.shop.example", true},
        {"GO.Shop.example:8443", true},
        {"t.shop.example", true},
        {"shop.example", false},
        {"evil.example", false},
        {"xgo.shop.example", false},
        {"", false},
        {":80", false},
        {"go.shop.example.evil", false},
        {"[::1]:80", false},
        {"go.shop.example:", true},
    };
    struct catalog_made extension = {.len = 0};

    (void)state;
    made_number(&extension, 3, 1);
    made_text(&extension, "shop.example");
    made_text(&extension, "go.shop.example");
    made_text(&extension, "t.shop.example");
    struct catalog_made made = program_made(&extension);
    struct catalog_program program = program_of(&made);
    for (size_t i = 0; i < array_length(cases); i++) {
        struct catalog_visitor_policy policy = catalog_visitor_policy(&program, slice_of(cases[i].host));
        if (policy.cookie != cases[i].cookie)
            fail_msg("%s", cases[i].host);
        assert_true(policy.consent_needed && policy.cross_site);
        assert_true(slice_equal(policy.domain, SLICE("shop.example")));
    }
}

static void without_extension_test(void **state)
{
    struct catalog_made made = program_made(NULL);
    struct catalog_program program = program_of(&made);

    (void)state;
    struct catalog_visitor_policy policy = catalog_visitor_policy(&program, SLICE("any.example"));
    assert_true(policy.cookie && !policy.consent_needed && !policy.cross_site && policy.domain.len == 0);
    program.visitor_cookie = false;
    assert_false(catalog_visitor_policy(&program, SLICE("any.example")).cookie);
}

static struct catalog_made integration_made(const struct catalog_made *extension)
{
    struct catalog_made value = {.len = 0};

    made_number(&value, 3, 8);
    made_number(&value, 1, 8);
    made_number(&value, 1, 1);
    made_text(&value, "tid");
    made_text(&value, "order_id");
    made_extension(&value, extension);
    return made_record(CATALOG_INTEGRATION, SLICE("0123456789abcdef0123456789abcdef"), &value);
}

static struct catalog_made statuses_made(void)
{
    struct catalog_made statuses = {.len = 0}, extension = {.len = 0};

    made_text(&statuses, "1");
    made_text(&statuses, "approved");
    made_text(&statuses, "Ping");
    made_text(&statuses, "ignore");
    made_number(&extension, statuses.len, 2);
    made_put(&extension, statuses.bytes, statuses.len);
    return extension;
}

static void integration_test(void **state)
{
    struct catalog_made extension = statuses_made();
    struct catalog_record record;
    struct catalog_integration integration;

    (void)state;
    made_text(&extension, "secret-one");
    made_text(&extension, "secret-two");
    struct catalog_made made = integration_made(&extension);
    assert_int_equal(catalog_record_decode(made_slice(&made), &record), 0);
    assert_int_equal(catalog_integration_decode(&record, &integration), 0);
    assert_true(slice_equal(catalog_integration_alias(&integration, SLICE("tid")), SLICE("order_id")));
    assert_null(catalog_integration_alias(&integration, SLICE("")).data);
    assert_true(slice_equal(catalog_integration_status(&integration, SLICE("1")), SLICE("approved")));
    assert_true(slice_equal(catalog_integration_status(&integration, SLICE("pING")), SLICE("ignore")));
    assert_null(catalog_integration_status(&integration, SLICE("2")).data);
    assert_true(slice_equal(catalog_secret_next(&integration.secrets), SLICE("secret-one")));
    assert_true(slice_equal(catalog_secret_next(&integration.secrets), SLICE("secret-two")));
    assert_null(catalog_secret_next(&integration.secrets).data);
}

static void bad_test(void **state)
{
    struct catalog_made three = statuses_made(), odd = {.len = 0}, empty = statuses_made(),
                        flags = {.len = 0};
    struct catalog_record record;

    (void)state;
    made_text(&three, "a");
    made_text(&three, "b");
    made_text(&three, "c");
    made_number(&odd, 3, 2);
    made_text(&odd, "1");
    made_text(&empty, "");
    const struct catalog_made *const integrations[] = {&three, &odd, &empty};
    for (size_t i = 0; i < array_length(integrations); i++) {
        struct catalog_made made = integration_made(integrations[i]);
        assert_int_equal(catalog_record_decode(made_slice(&made), &record), 0);
        assert_int_equal(catalog_record_check(&record), CATALOG_MALFORMED);
    }
    made_number(&flags, 4, 1);
    made_text(&flags, "");
    struct catalog_made made = program_made(&flags);
    assert_int_equal(catalog_record_decode(made_slice(&made), &record), 0);
    assert_int_equal(catalog_record_check(&record), CATALOG_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_test),
        cmocka_unit_test(without_extension_test),
        cmocka_unit_test(integration_test),
        cmocka_unit_test(bad_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
