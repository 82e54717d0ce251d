// Places and networks are found; a damaged file is refused, and one that was not refused harms nobody.

#include "base/geo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "geo_make.h"

#define MOSCOW                                                                                               \
    "\xe2\x47"                                                                                               \
    "country\xe1\x48iso_code\x42RU\x4csubdivisions\x01\x04\xe1\x48iso_code\x43MOW"
#define TEXT(literal) literal, sizeof(literal) - 1

static struct geo_make made;
static char folder[] = "/tmp/clickledger-geo.XXXXXX";
static char path[64];

static int folder_make(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/test.mmdb", folder);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void file_write(void)
{
    assert_int_equal(geo_make_write(&made, path), 0);
}

static struct in6_addr address_of(const char *text)
{
    struct in6_addr address;

    assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
    return address;
}

static struct geo_fact find(struct geo *geo, const char *address)
{
    const struct in6_addr in = address_of(address);
    struct geo_fact fact = {0};

    geo_find(geo, &in, &fact);
    return fact;
}

static void place_test(void **state)
{
    struct geo *geo;

    (void)state;
    geo_make(&made, 1, TEXT(MOSCOW));
    file_write();
    assert_int_equal(geo_check(path, GEO_PLACE), 0);
    assert_int_equal(geo_check(path, GEO_ASN), GEO_CORRUPT); // nothing of what is asked for
    assert_int_equal(geo_open(&geo, path, GEO_PLACE), 0);
    for (int round = 0; round < 3; round++) { // the second one from the memo
        struct geo_fact fact = find(geo, "::ffff:192.0.2.1");
        assert_memory_equal(fact.country, "RU", 2);
        assert_int_equal(fact.region_len, 3);
        assert_memory_equal(fact.region, "MOW", 3);
        assert_int_equal(fact.asn, 0);
    }
    assert_int_equal(find(geo, "2001:db8::1").country[0], 0); // an IPv4 database
    geo_free(geo);
}

// A database with networks of all lengths around those of the table and of the memo.
static void networks_write(void)
{
    static const char rows[] =
        "1.0.0.0/8 RU\n5.6.0.0/16 DE 01\n5.6.128.0/17 FR\n9.8.7.0/24 PL\n9.8.7.128/25 UA\n"
        "9.8.7.200/32 KZ\n100.64.0.0/10 US\n200.0.0.0/15 BR\n0.0.0.0/12 IT\n";
    char command[512];

    snprintf(command, sizeof(command), "perl '%s' '%s' place", GEO_MAKE, path);
    FILE *made_by = popen(command, "w");
    assert_non_null(made_by);
    assert_int_equal(fputs(rows, made_by) >= 0, 1);
    assert_int_equal(pclose(made_by), 0);
}

static struct geo_fact find_by(struct geo *geo, uint32_t address, bool mapped)
{
    struct in6_addr in = {0};
    struct geo_fact fact = {0};

    in.s6_addr32[2] = mapped ? htonl(0xffff) : 0;
    in.s6_addr32[3] = htonl(address);
    geo_find(geo, &in, &fact);
    return fact;
}

// A database keeps IPv4 in ::/96, where libmaxminddb walks the tree itself: what table and memo say is held
// against that.
static void table_and_memo_are_the_tree_test(void **state)
{
    static const uint32_t near[] = {0x01000000, 0x05060000, 0x05068000, 0x09080700, 0x09080780,
                                    0x090807c8, 0x64400000, 0xc8000000, 0x00000000};
    static const unsigned lower_bits[] = {3, 9, 17, 25, 32};
    unsigned known = 0;
    struct geo *geo;

    (void)state;
    networks_write();
    assert_int_equal(geo_open(&geo, path, GEO_PLACE), 0);
    srand(7);
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t noise = (uint32_t)rand() << 16 ^ (uint32_t)rand();
        uint32_t address = near[i % 9] ^ (noise & (uint32_t)((1ull << lower_bits[i / 9 % 5]) - 1));
        struct geo_fact fact = find_by(geo, address, true), tree = find_by(geo, address, false);
        assert_memory_equal(&fact, &tree, sizeof(fact));
        known += fact.country[0] != '\0';
    }
    assert_in_range(known, 50000, 199999);
    geo_free(geo);
}

static void asn_test(void **state)
{
    struct geo *geo;
    struct geo_fact fact = {.country = "DE"};

    (void)state;
    geo_make(&made, 1, TEXT(MOSCOW));
    file_write();
    assert_int_equal(geo_check(path, GEO_ASN), GEO_CORRUPT);
    geo_make(&made, 1,
             TEXT("\xe1\x58"
                  "autonomous_system_number\xc3\x03\x17\x0c"));
    file_write();
    assert_int_equal(geo_check(path, GEO_ASN), 0);
    assert_int_equal(geo_open(&geo, path, GEO_ASN), 0);
    const struct in6_addr address = address_of("::ffff:198.51.100.7");
    geo_find(geo, &address, &fact);
    assert_int_equal(fact.asn, 0x3170c);
    assert_memory_equal(fact.country, "DE", 2); // another database's
    geo_free(geo);
}

static void values_test(void **state)
{
    static const struct {
        const char *record;
        size_t len;
        int check;
    } cases[] = {
        {TEXT("\xe1\x47"
              "country\xe1\x48iso_code\x42us"),
         GEO_CORRUPT},
        {TEXT("\xe1\x47"
              "country\xe1\x48iso_code\x43USA"),
         GEO_CORRUPT},
        {TEXT("\xe1\x47"
              "country\xe1\x48iso_code\xa2US"),
         GEO_CORRUPT}, // a number
        {TEXT("\xe1\x47"
              "country\xe1\x44name\x42US"),
         GEO_CORRUPT},                           // no record says a country
        {TEXT("\x20\x00"), GEO_CORRUPT},         // points at itself
        {TEXT("\x20\x02\x20\x00"), GEO_CORRUPT}, // two that point at each other
        {TEXT("\xe1\x47"
              "country\x20\x00"),
         GEO_CORRUPT},                           // a value that holds itself
        {TEXT("\x20\xff"), GEO_CORRUPT},         // behind the end
        {TEXT("\xff\xff\xff\xff"), GEO_CORRUPT}, // a map of 16 million
        {TEXT("\x5f\xff\xff\xff"), GEO_CORRUPT}, // a text of 16 MB
        {TEXT(""), GEO_CORRUPT},
        {TEXT(MOSCOW), 0},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct geo *geo;
        geo_make(&made, 1, cases[i].record, cases[i].len);
        file_write();
        if (geo_check(path, GEO_PLACE) != cases[i].check)
            fail_msg("case %zu", i);
        if (geo_open(&geo, path, GEO_PLACE) != 0)
            continue;
        struct geo_fact fact = find(geo, "::ffff:192.0.2.1");
        assert_int_equal(fact.country[0], cases[i].check ? 0 : 'R');
        geo_free(geo);
    }
}

// Every cut and every flipped byte of a whole file: opened or not, looked up without harm.
static void damage_test(void **state)
{
    struct geo *geo;
    size_t whole, refused = 0;

    (void)state;
    geo_make(&made, 1, TEXT(MOSCOW));
    whole = made.len;
    for (size_t at = 0; at < 2 * whole; at++) {
        geo_make(&made, 1, TEXT(MOSCOW));
        if (at < whole)
            made.data[at] ^= 0xff;
        else
            made.len = at - whole;
        file_write();
        int r = geo_open(&geo, path, GEO_PLACE);
        if (r == 0) {
            find(geo, "::ffff:192.0.2.1");
            find(geo, "2001:db8::1");
            r = geo_sound(geo) ? 0 : GEO_CORRUPT;
            geo_free(geo);
        }
        refused += r != 0;
        if (at >= whole && r == 0)
            fail_msg("cut to %zu of %zu bytes", at - whole, whole);
    }
    assert_true(refused > whole + whole / 2);
}

// Deeper than any stack: whoever decodes it dies.
static void deep_test(void **state)
{
    static uint8_t deep[GEO_MAKE_MAX - 4096];
    size_t at = 0;

    (void)state;
    memcpy(deep, "\xe2\x41x", 3);
    for (at = 3; at + 2 < sizeof(deep); at += 2)
        memcpy(deep + at, "\x01\x04", 2);
    geo_make(&made, 1, deep, at);
    file_write();
    assert_int_equal(geo_check(path, GEO_PLACE), GEO_CORRUPT);
}

static void nodes_test(void **state)
{
    (void)state;
    geo_make(&made, 1, TEXT(MOSCOW));
    made.data[0] = 0x7f; // a record far behind the end
    file_write();
    assert_int_equal(geo_check(path, GEO_PLACE), GEO_CORRUPT);
    geo_make(&made, 2, TEXT(MOSCOW)); // more nodes than there are
    file_write();
    assert_int_equal(geo_check(path, GEO_PLACE), GEO_CORRUPT);
}

static void files_test(void **state)
{
    struct geo *geo;

    (void)state;
    unlink(path);
    assert_int_equal(geo_open(&geo, path, GEO_PLACE), -ENOENT);
    assert_int_equal(geo_check(path, GEO_PLACE), -ENOENT);
    assert_int_equal(geo_open(&geo, folder, GEO_PLACE), GEO_CORRUPT);
    made.len = 0;
    file_write();
    assert_int_equal(geo_check(path, GEO_PLACE), GEO_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(place_test),  cmocka_unit_test(table_and_memo_are_the_tree_test),
        cmocka_unit_test(asn_test),    cmocka_unit_test(values_test),
        cmocka_unit_test(damage_test), cmocka_unit_test(deep_test),
        cmocka_unit_test(nodes_test),  cmocka_unit_test(files_test),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
