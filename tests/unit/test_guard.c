// Buckets fill and empty; guesses on an account stop where they come from, not its owner.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <arpa/inet.h>
#include <stdint.h>

#include <sodium.h>

#include "api/buckets.h"
#include "api/guard.h"

static struct in6_addr address_of(unsigned n)
{
    char text[64];
    struct in6_addr address;
    snprintf(text, sizeof(text), "2001:db8:0:%x::1", n);
    assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
    return address;
}

static void a_bucket_holds_its_burst(void **state)
{
    const struct buckets_options options = {.burst = 3, .refill_us = 1500, .slots = 64};
    struct buckets *buckets = buckets_new(&options);
    struct slice name = SLICE("a");
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(buckets_wait_ms(buckets, name, 1000), 0);
        buckets_take(buckets, name, 1000);
    }
    assert_int_equal(buckets_wait_ms(buckets, name, 1000), 2); // 1.5 ms, rounded up
    assert_int_equal(buckets_wait_ms(buckets, name, 1001), 1);
    assert_int_equal(buckets_wait_ms(buckets, name, 1002), 0);
    assert_int_equal(buckets_wait_ms(buckets, SLICE("b"), 1000), 0);
    buckets_give(buckets, name, 1000);
    assert_int_equal(buckets_wait_ms(buckets, name, 1000), 0);
    for (int i = 0; i < 10; i++) // never more than its burst
        buckets_give(buckets, name, 1000);
    for (int i = 0; i < 3; i++)
        buckets_take(buckets, name, 1000);
    assert_int_not_equal(buckets_wait_ms(buckets, name, 1000), 0);
    assert_int_equal(buckets_wait_ms(buckets, name, 1000 + 3 * 1500), 0);
    buckets_free(buckets);
}

static void names_in_one_slot_forgive_each_other(void **state)
{
    const struct buckets_options options = {.burst = 1, .refill_us = 1000000, .slots = 1};
    struct buckets *buckets = buckets_new(&options);
    (void)state;
    buckets_take(buckets, SLICE("a"), 1000);
    assert_int_equal(buckets_wait_ms(buckets, SLICE("a"), 1000), 1000);
    assert_int_equal(buckets_wait_ms(buckets, SLICE("b"), 1000), 0);
    buckets_take(buckets, SLICE("b"), 1000);
    assert_int_equal(buckets_wait_ms(buckets, SLICE("a"), 1000), 0);
    buckets_free(buckets);
}

static void an_address_tries_so_often(void **state)
{
    struct guard *guard = guard_new();
    struct in6_addr sprayer = address_of(1), other = address_of(2);
    (void)state;
    for (unsigned i = 0; i < GUARD_ADDRESS_BURST; i++) {
        char account[16];
        snprintf(account, sizeof(account), "person %u", i);
        assert_int_equal(guard_enter(guard, &sprayer, slice_of(account), 1000), 0);
    }
    assert_int_equal(guard_enter(guard, &sprayer, SLICE("another"), 1000), GUARD_ADDRESS_REFILL_MS);
    assert_int_equal(guard_enter(guard, &sprayer, SLICE_NONE, 1000), GUARD_ADDRESS_REFILL_MS);
    assert_int_equal(guard_enter(guard, &other, SLICE("another"), 1000), 0);
    assert_int_equal(guard_enter(guard, &sprayer, SLICE_NONE, 1000 + GUARD_ADDRESS_REFILL_MS), 0);
    guard_free(guard);
}

static void an_account_is_guessed_so_often_and_its_owner_comes_in(void **state)
{
    struct guard *guard = guard_new();
    struct in6_addr home = address_of(1000), hotel = address_of(2000);
    struct slice account = SLICE("ann@example.org");
    (void)state;
    for (int i = 0; i < 100; i++) { // success costs nothing
        assert_int_equal(guard_enter(guard, &home, account, 1000), 0);
        guard_passed(guard, &home, account, 1000);
    }
    for (unsigned i = 0; i < GUARD_ACCOUNT_BURST; i++) { // a botnet
        struct in6_addr address = address_of(i);
        assert_int_equal(guard_enter(guard, &address, account, 1000), 0);
    }
    assert_int_equal(guard_enter(guard, &hotel, account, 1000), GUARD_ACCOUNT_REFILL_MS);
    assert_int_equal(guard_enter(guard, &home, account, 1000), 0);
    assert_int_equal(guard_enter(guard, &hotel, SLICE("bob@example.org"), 1000), 0);
    assert_int_equal(guard_enter(guard, &hotel, account, 1000 + GUARD_ACCOUNT_REFILL_MS), 0); // not for ever
    for (unsigned i = 1; i < GUARD_ACCOUNT_BURST; i++) // from home there is a limit, too
        assert_int_equal(guard_enter(guard, &home, account, 1000), 0);
    assert_int_not_equal(guard_enter(guard, &home, account, 1000), 0);
    guard_free(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_holds_its_burst),
        cmocka_unit_test(names_in_one_slot_forgive_each_other),
        cmocka_unit_test(an_address_tries_so_often),
        cmocka_unit_test(an_account_is_guessed_so_often_and_its_owner_comes_in),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
