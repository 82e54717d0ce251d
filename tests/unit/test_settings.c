// Settings of a running tracker: key rotation, all or nothing, and what a worker sees of it.

#include "tracker/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_A "000102030405060708090a0b0c0d0e0f\n"
#define KEY_B "101112131415161718191a1b1c1d1e1f\n"

static char path[] = "/tmp/test_settings.XXXXXX";
static struct settings settings;
static char error[SETTINGS_ERROR_BYTES];

static const struct program program = {
    .name = "tracker", .usage = "", .options = tracker_options, .config = &settings.config};

static void keys_write(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static int setup(void **state)
{
    (void)state;
    close(mkstemp(path));
    setenv("CLICKLEDGER_TRACKER_CLICK_KEYS", path, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static int reread(void)
{
    struct program mine = program;

    mine.n_options = tracker_options_count;
    return settings_reread(&settings, &mine, error);
}

static void begin(const char *keys)
{
    keys_write(keys);
    settings = (struct settings){0};
    assert_int_equal(
        config_load(tracker_options, tracker_options_count, &settings.config, NULL, error, sizeof(error)), 0);
    assert_int_equal(settings_complete(&settings, error), 0);
}

static const struct {
    const char *before, *after, *error; // NULL: is taken
    unsigned current;
} rotations[] = {
    {"0 " KEY_A, "0 " KEY_A, NULL, 0},
    {"0 " KEY_A, "1 " KEY_B "0 " KEY_A, NULL, 1},
    {"0 " KEY_A, "0 " KEY_A "1 " KEY_B, NULL, 0},
    {"1 " KEY_B "0 " KEY_A, "1 " KEY_B, NULL, 1},
    {"0 " KEY_A, "1 " KEY_B, "key 0 signs until now and is gone", 0},
    {"1 " KEY_B "0 " KEY_A, "0 " KEY_A, "key 1 signs until now and is gone", 1},
    {"0 " KEY_A, "0 " KEY_B, "key 0 is another one now", 0},
    {"1 " KEY_B "0 " KEY_A, "1 " KEY_B "0 " KEY_B, "key 0 is another one now", 1},
    {"0 " KEY_A, "0 nonsense\n", "not lines of", 0},
    {"0 " KEY_A, "", "not lines of", 0},
};

static void keys_rotate_without_losing_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(rotations); i++) {
        struct click_id_generator generator;
        uint8_t id[CLICK_ID_BYTES];

        begin(rotations[i].before);
        click_id_generator_init(&generator, &settings.keys, 1);
        click_id_next(&generator, 1000, id);
        keys_write(rotations[i].after);
        int r = reread();
        if ((r != 0) != (rotations[i].error != NULL) ||
            (rotations[i].error && !strstr(error, rotations[i].error)))
            fail_msg("rotation %zu: %d, %s", i, r, error);
        assert_int_equal(settings.keys.current, rotations[i].current);
        assert_int_equal(click_id_check(&settings.keys, id), 0);
    }
}

static void a_bad_setting_changes_nothing(void **state)
{
    (void)state;
    begin("0 " KEY_A);
    setenv("CLICKLEDGER_TRACKER_TRUSTED_PROXIES", "10.0.0.0/8", 1);
    assert_int_equal(reread(), 0);
    assert_int_equal(settings.proxies.n, 1);
    setenv("CLICKLEDGER_TRACKER_FALLBACK_URL", "https://example.org/", 1);
    setenv("CLICKLEDGER_TRACKER_TRUSTED_PROXIES", "10.0.0.0/8, everybody", 1);
    assert_int_not_equal(reread(), 0);
    assert_non_null(strstr(error, "trusted_proxies"));
    assert_int_equal(settings.proxies.n, 1);
    assert_string_equal(settings.config.fallback_url, "");
    unsetenv("CLICKLEDGER_TRACKER_TRUSTED_PROXIES");
    unsetenv("CLICKLEDGER_TRACKER_FALLBACK_URL");
}

static void a_worker_takes_what_is_whole(void **state)
{
    static struct settings_shared shared;
    static struct settings copy;
    uint64_t generation = 0;

    (void)state;
    assert_false(settings_refresh(&copy, &generation, &shared));
    begin("0 " KEY_A);
    settings_publish(&shared, &settings);
    assert_true(settings_refresh(&copy, &generation, &shared));
    assert_int_equal(generation, 1);
    assert_true(copy.keys.known[0]);
    assert_false(settings_refresh(&copy, &generation, &shared));
    settings_publish(&shared, &settings);
    shared.turn++; // the supervisor died in the middle
    assert_false(settings_refresh(&copy, &generation, &shared));
    shared.turn++;
    assert_true(settings_refresh(&copy, &generation, &shared));
    assert_int_equal(generation, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_rotate_without_losing_ids),
        cmocka_unit_test(a_bad_setting_changes_nothing),
        cmocka_unit_test(a_worker_takes_what_is_whole),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
