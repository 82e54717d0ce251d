// The client's address: who is believed about it (trust in X-Forwarded-For).

#include "tracker/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "request_of.h"

static struct in6_addr address_of(const char *text)
{
    struct in6_addr address;

    assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
    return address;
}

static void proxies_test(void **state)
{
    static const struct {
        const char *text;
        int result;
        size_t n;
    } cases[] = {
        {"", 0, 0},
        {"  ", 0, 0},
        {"10.0.0.1", 0, 1},
        {" 10.0.0.0/8 , ::1 ,fd00::/8", 0, 3},
        {"0.0.0.0/0", 0, 1},
        {"10.0.0.0/33", HTTP_PROXIES_MALFORMED, 0},
        {"::1/129", HTTP_PROXIES_MALFORMED, 0},
        {"10.0.0.0/", HTTP_PROXIES_MALFORMED, 0},
        {"10.0.0.0/8x", HTTP_PROXIES_MALFORMED, 0},
        {"10.0.0", HTTP_PROXIES_MALFORMED, 0},
        {"proxy.example", HTTP_PROXIES_MALFORMED, 0},
        {"10.0.0.1,", HTTP_PROXIES_MALFORMED, 0},
        {",10.0.0.1", HTTP_PROXIES_MALFORMED, 0},
    };
    struct http_proxies proxies;

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        int r = http_proxies_parse(&proxies, slice_of(cases[i].text));
        if (r != cases[i].result || (r == 0 && proxies.n != cases[i].n))
            fail_msg("%s: %d", cases[i].text, r);
    }
}

static struct in6_addr client_of(const struct http_proxies *proxies, const struct request_of *room)
{
    struct heads heads;

    heads_read(&heads, &room->head.request);
    return address_client(proxies, &room->head.request, &heads);
}

static bool secure_of(const struct http_proxies *proxies, const struct request_of *room)
{
    struct heads heads;

    heads_read(&heads, &room->head.request);
    return address_secure(proxies, &room->head.request, &heads);
}

static void client_test(void **state)
{
    static const struct {
        const char *peer, *headers, *client;
    } cases[] = {
        // A peer that is no proxy says nothing about itself.
        {"::ffff:9.9.9.9", "X-Forwarded-For: 1.2.3.4\r\n", "::ffff:9.9.9.9"},
        {"::ffff:11.0.0.1", "X-Forwarded-For: 1.2.3.4\r\n", "::ffff:11.0.0.1"},
        {"::ffff:10.0.0.1", "", "::ffff:10.0.0.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4\r\n", "::ffff:1.2.3.4"},
        {"::ffff:10.255.0.1", "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n", "::ffff:5.6.7.8"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 10.0.0.2\r\n", "::ffff:5.6.7.8"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n", "::ffff:5.6.7.8"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.0.0.7\r\n", "::ffff:1.2.3.4"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "::ffff:10.0.0.3"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4, unknown, 10.0.0.2\r\n", "::ffff:10.0.0.2"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: <script>\r\n", "::ffff:10.0.0.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4,\r\n", "::ffff:10.0.0.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For:\r\n", "::ffff:10.0.0.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4:5678\r\n", "::ffff:1.2.3.4"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 1.2.3.4:x\r\n", "::ffff:10.0.0.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: [2001:db8::1]:x\r\n", "::ffff:10.0.0.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: [1.2.3.4]\r\n", "::ffff:10.0.0.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 01.2.3.4\r\n", "::ffff:10.0.0.1"},
        {"fd00::5", "X-Forwarded-For: 1.2.3.4\r\n", "::ffff:1.2.3.4"},
        {"fe00::5", "X-Forwarded-For: 1.2.3.4\r\n", "fe00::5"},
        {"::ffff:10.0.0.1", "X-Real-IP: 1.2.3.4\r\nForwarded: for=\"[::1]:x\"\r\n", "::ffff:10.0.0.1"},
    };
    struct http_proxies proxies;
    struct request_of room;

    (void)state;
    assert_int_equal(http_proxies_parse(&proxies, SLICE("10.0.0.0/8, fd00::/9")), 0);
    for (size_t i = 0; i < array_length(cases); i++) {
        request_of(&room, "GET", "/c/x", cases[i].headers);
        room.head.request.peer.address = address_of(cases[i].peer);
        struct in6_addr client = client_of(&proxies, &room);
        struct in6_addr want = address_of(cases[i].client);
        if (memcmp(&client, &want, sizeof(want)) != 0)
            fail_msg("%s from %s", cases[i].headers, cases[i].peer);
    }
}

static void hops_end_test(void **state)
{
    static const char *const hop = "10.0.0.1,";
    struct http_proxies proxies;
    struct request_of room;
    char headers[2048] = "X-Forwarded-For: 1.2.3.4,";

    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(headers, hop);
    strcat(headers, "10.0.0.9\r\n");
    assert_int_equal(http_proxies_parse(&proxies, SLICE("10.0.0.0/8")), 0);
    request_of(&room, "GET", "/c/x", headers);
    room.head.request.peer.address = address_of("::ffff:10.0.0.1");
    struct in6_addr client = client_of(&proxies, &room), want = address_of("::ffff:10.0.0.1");
    assert_memory_equal(&client, &want, sizeof(want));
}

static void secure_test(void **state)
{
    static const struct {
        const char *peer, *headers;
        bool secure;
    } cases[] = {
        {"::ffff:10.0.0.1", "X-Forwarded-Proto: https\r\n", true},
        {"::ffff:10.0.0.1", "X-Forwarded-Proto: http\r\n", false},
        {"::ffff:10.0.0.1", "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", false},
        {"::ffff:9.9.9.9", "X-Forwarded-Proto: https\r\n", false},
    };
    struct http_proxies proxies;
    struct request_of room;

    (void)state;
    assert_int_equal(http_proxies_parse(&proxies, SLICE("10.0.0.0/8")), 0);
    for (size_t i = 0; i < array_length(cases); i++) {
        request_of(&room, "GET", "/c/x", cases[i].headers);
        room.head.request.peer.address = address_of(cases[i].peer);
        assert_int_equal(secure_of(&proxies, &room), cases[i].secure);
    }
}

static void slice_test(void **state)
{
    struct in6_addr v4 = address_of("::ffff:1.2.3.4"), v6 = address_of("2001:db8::1"),
                    none = address_of("::");

    (void)state;
    assert_true(slice_equal(address_slice(&v4), SLICE("\1\2\3\4")));
    assert_int_equal(address_slice(&v6).len, 16);
    assert_null(address_slice(&none).data);
}

static void network_test(void **state)
{
    static const struct {
        const char *address, *network;
    } cases[] = {
        {"::ffff:192.0.2.77", "::ffff:192.0.2.0"},
        {"::ffff:255.255.255.255", "::ffff:255.255.255.0"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
    };

    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        const struct in6_addr address = address_of(cases[i].address), want = address_of(cases[i].network);
        struct in6_addr network = address_network_of(&address);
        assert_memory_equal(&network, &want, sizeof(want));
    }
}

static void hash_of(const struct click_id_keys *keys, const char *text, uint8_t out[ADDRESS_HASH_BYTES])
{
    const struct in6_addr address = address_of(text);
    uint8_t key[ADDRESS_KEY_BYTES];

    address_key_derive(keys, key);
    address_hash(key, &address, out);
}

static void hash_test(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", true}, // one /64
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
    };
    struct click_id_keys keys, other;
    uint8_t a[ADDRESS_HASH_BYTES], b[ADDRESS_HASH_BYTES];

    (void)state;
    assert_int_equal(click_id_keys_parse(&keys, SLICE("1 000102030405060708090a0b0c0d0e0f\n")), 0);
    assert_int_equal(click_id_keys_parse(&other, SLICE("2 000102030405060708090a0b0c0d0e00\n"
                                                       "1 000102030405060708090a0b0c0d0e0f\n")),
                     0);
    for (size_t i = 0; i < array_length(cases); i++) {
        hash_of(&keys, cases[i].a, a);
        hash_of(&keys, cases[i].b, b);
        assert_int_equal(memcmp(a, b, sizeof(a)) == 0, cases[i].same);
        hash_of(&other, cases[i].a, b); // it goes with the key that signs
        assert_memory_not_equal(a, b, sizeof(a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxies_test), cmocka_unit_test(client_test), cmocka_unit_test(hops_end_test),
        cmocka_unit_test(secure_test),  cmocka_unit_test(slice_test),  cmocka_unit_test(network_test),
        cmocka_unit_test(hash_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
