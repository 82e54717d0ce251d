// Failed authentications fill a bucket; time empties it; good keys pass.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <arpa/inet.h>
#include <stdint.h>

#include <sodium.h>

#include "api/limiter.h"

static const uint8_t bad[KEY_HASH_BYTES] = {1}, good[KEY_HASH_BYTES] = {2};

static struct in6_addr address_of(const char *text)
{
    struct in6_addr address;
    assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
    return address;
}

static void failures_fill_the_bucket(void **state)
{
    struct limiter *limiter = limiter_new();
    struct in6_addr guesser = address_of("::ffff:192.0.2.1"), other = address_of("::ffff:192.0.2.2");
    uint64_t now = 1000000;
    (void)state;
    for (unsigned i = 0; i < LIMITER_BURST; i++) {
        assert_int_equal(limiter_wait_ms(limiter, &guesser, bad, now), 0);
        limiter_failed(limiter, &guesser, bad, now);
    }
    assert_int_not_equal(limiter_wait_ms(limiter, &guesser, bad, now), 0);
    assert_int_not_equal(limiter_wait_ms(limiter, &guesser, good, now), 0);
    assert_int_equal(limiter_wait_ms(limiter, &other, bad, now), 0);
    assert_int_not_equal(limiter_wait_ms(limiter, &guesser, bad, now + LIMITER_REFILL_MS - 1), 0);
    assert_int_equal(limiter_wait_ms(limiter, &guesser, bad, now + LIMITER_REFILL_MS), 0);
    limiter_failed(limiter, &guesser, bad, now + LIMITER_REFILL_MS);
    assert_int_not_equal(limiter_wait_ms(limiter, &guesser, bad, now + LIMITER_REFILL_MS), 0);
    limiter_free(limiter);
}

static void good_keys_pass_until_they_fail(void **state)
{
    struct limiter *limiter = limiter_new();
    struct in6_addr shared = address_of("2001:db8::1");
    (void)state;
    limiter_passed(limiter, good);
    for (unsigned i = 0; i < 2 * LIMITER_BURST; i++)
        limiter_failed(limiter, &shared, bad, 5);
    assert_int_equal(limiter_wait_ms(limiter, &shared, good, 5), 0);
    assert_int_not_equal(limiter_wait_ms(limiter, &shared, bad, 5), 0);
    limiter_failed(limiter, &shared, good, 5); // revoked
    assert_int_not_equal(limiter_wait_ms(limiter, &shared, good, 5), 0);
    limiter_free(limiter);
}

static void a_network_of_ipv6_is_one(void **state)
{
    struct limiter *limiter = limiter_new();
    struct in6_addr one = address_of("2001:db8::1"), neighbour = address_of("2001:db8::ffff:2"),
                    stranger = address_of("2001:db8:0:1::1");
    (void)state;
    for (unsigned i = 0; i < LIMITER_BURST; i++)
        limiter_failed(limiter, &one, bad, 5);
    assert_int_not_equal(limiter_wait_ms(limiter, &neighbour, bad, 5), 0);
    assert_int_equal(limiter_wait_ms(limiter, &stranger, bad, 5), 0);
    limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_fill_the_bucket),
        cmocka_unit_test(good_keys_pass_until_they_fail),
        cmocka_unit_test(a_network_of_ipv6_is_one),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
