// Failed authentications fill a bucket; time empties it; good keys pass.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <arpa/inet.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

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

// The address of one /64 of many, and a key that was never seen.
static struct in6_addr forged(uint32_t n)
{
    struct in6_addr address = address_of("2001:db8::1");
    memcpy(address.s6_addr + 4, &n, sizeof(n));
    return address;
}

static void key_of(uint32_t n, uint8_t hash[KEY_HASH_BYTES])
{
    memset(hash, 0xee, KEY_HASH_BYTES);
    memcpy(hash, &n, sizeof(n));
}

// Whether the guess was looked at.
static bool guess(struct limiter *limiter, const struct in6_addr *address, uint32_t n, uint64_t now_ms)
{
    uint8_t hash[KEY_HASH_BYTES];
    key_of(n, hash);
    if (limiter_wait_ms(limiter, address, hash, now_ms) > 0)
        return false;
    limiter_failed(limiter, address, hash, now_ms);
    return true;
}

static void a_million_guesses_are_refused(void **state)
{
    enum { GUESSES = 1000000 };
    struct limiter *limiter = limiter_new();
    struct in6_addr guesser = address_of("::ffff:192.0.2.1"), other = address_of("::ffff:192.0.2.2");
    unsigned looked_at = 0;
    (void)state;
    limiter_passed(limiter, good);
    for (uint32_t n = 0; n < GUESSES; n++) // one in a millisecond
        looked_at += guess(limiter, &guesser, n, n);
    assert_int_equal(looked_at, LIMITER_BURST + (GUESSES - 1) / LIMITER_REFILL_MS);
    assert_int_equal(limiter_wait_ms(limiter, &guesser, good, GUESSES), 0);
    assert_int_equal(limiter_wait_ms(limiter, &other, bad, GUESSES), 0);
    limiter_free(limiter);
}

static void many_addresses_win_a_guesser_little_and_punish_nobody(void **state)
{
    enum { ADDRESSES = 100000 };
    struct limiter *limiter = limiter_new();
    struct in6_addr guesser = address_of("::ffff:192.0.2.1");
    unsigned looked_at = 0;
    size_t before = mallinfo2().uordblks;
    (void)state;
    for (uint32_t n = 0; n < ADDRESSES; n++) {
        struct in6_addr address = forged(n), stranger = forged(n + ADDRESSES);
        for (unsigned i = 0; i <= LIMITER_BURST; i++) // each as often as it may, which is not once more
            assert_int_equal(guess(limiter, &address, n, 5), i < LIMITER_BURST);
        assert_int_equal(limiter_wait_ms(limiter, &stranger, bad, 5), 0);
        looked_at += guess(limiter, &guesser, n, 5);
    }
    // It is forgotten about once in LIMITER_SLOTS addresses, here 24 times; a hundred times would be an
    // error.
    assert_in_range(looked_at, LIMITER_BURST, 100 * LIMITER_BURST);
    assert_int_equal(mallinfo2().uordblks, before);
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
        cmocka_unit_test(a_million_guesses_are_refused),
        cmocka_unit_test(many_addresses_win_a_guesser_little_and_punish_nobody),
        cmocka_unit_test(a_network_of_ipv6_is_one),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
