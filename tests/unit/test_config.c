// Settings: values, the shared file, the environment, and the messages that name the place of a mistake.

#include "base/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct sample {
    bool fast;
    int64_t workers, window_bytes, keep_ms;
    char name[9], path[32], key[9];
    int mode;
    int level;
};

static const struct config_option options[] = {
    {"log", "level", CONFIG_CHOICE, CONFIG_FIELD(struct sample, level), 0, 0, "info", "what is logged",
     "debug|info|warn|error", true},
    {"tracker", "workers", CONFIG_INT, CONFIG_FIELD(struct sample, workers), 1, 64, "1", "processes"},
    {"tracker", "fast", CONFIG_BOOL, CONFIG_FIELD(struct sample, fast), 0, 0, "true", "whether to be fast"},
    {"tracker", "window_bytes", CONFIG_BYTES, CONFIG_FIELD(struct sample, window_bytes), 0, INT64_C(4) << 30,
     "64m", "how much may wait"},
    {"tracker", "keep", CONFIG_DURATION, CONFIG_FIELD(struct sample, keep_ms), 0, 30 * 86400000LL, "24h",
     "how long"},
    {"tracker", "name", CONFIG_STRING, CONFIG_FIELD(struct sample, name), 0, 0, "", "a name"},
    {"tracker", "key", CONFIG_SECRET, CONFIG_FIELD(struct sample, key), 0, 0, "", "a key"},
    {"tracker", "path", CONFIG_PATH, CONFIG_FIELD(struct sample, path), 0, 0, "/var/lib/x", "where"},
    {"tracker", "mode", CONFIG_CHOICE, CONFIG_FIELD(struct sample, mode), 0, 0, "b", "how", "a|b|long"},
};

static char path[] = "/tmp/test_config.XXXXXX";
static char error[CONFIG_ERROR_BYTES];

static int load(const char *text, struct sample *out)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return config_load(options, array_length(options), out, path, error, sizeof(error));
}

static void defaults_hold(void **state)
{
    (void)state;
    struct sample out;
    assert_int_equal(config_load(options, array_length(options), &out, NULL, error, sizeof(error)), 0);
    assert_true(out.fast && out.workers == 1 && out.window_bytes == 64 << 20 && out.keep_ms == 86400000);
    assert_true(out.mode == 1 && out.level == 1);
    assert_string_equal(out.name, "");
    assert_string_equal(out.path, "/var/lib/x");
}

static void the_file_is_read(void **state)
{
    (void)state;
    struct sample out;
    int r =
        load("; a comment\n# another\n[api]\nport = whatever\n[log]\nlevel = error\n\n[tracker]\n"
             "workers = 64\n  fast = off\nwindow_bytes=2g ; much\nkeep = 90s\nname = eight888\nmode = long\n",
             &out);
    assert_string_equal(error, "");
    assert_int_equal(r, 0);
    assert_true(!out.fast && out.workers == 64 && out.window_bytes == INT64_C(2) << 30 &&
                out.keep_ms == 90000);
    assert_true(out.mode == 2 && out.level == 3);
    assert_string_equal(out.name, "eight888");
}

static const struct {
    const char *text, *message;
} mistakes[] = {
    {"[tracker]\n\nwrokers = 3\n", ":3: unknown key 'wrokers' in [tracker]"},
    {"[log]\nlvl = info\n", ":2: unknown key 'lvl' in [log]"},
    {"[trakcer]\nworkers = 3\n", ":2: unknown section [trakcer]"},
    {"workers = 3\n", ":1: key before the first section"},
    {"[tracker]\nworkers = 3\n[log]\n[tracker]\nworkers = 3\n",
     ":5: 'workers' in [tracker] stands here for the second"},
    {"[tracker]\nworkers = 3\n   workers = 4\n",
     ":3: 'workers' in [tracker] stands here for the second time"},
    {"[tracker]\nworkers = 0\n", ":2: 'workers' in [tracker] must be an integer from 1 to 64"},
    {"[tracker]\nworkers = 65\n", ":2: 'workers'"},
    {"[tracker]\nworkers = 3x\n", ":2: 'workers'"},
    {"[tracker]\nworkers = 0x3\n", ":2: 'workers'"},
    {"[tracker]\nworkers = 18446744073709551617\n", ":2: 'workers'"},
    {"[tracker]\nworkers =\n", ":2: 'workers'"},
    {"[tracker]\nworkers\n", ":2: neither a [section] nor 'key = value'"},
    {"[tracker\nworkers = 3\n", ":1: neither a [section] nor 'key = value'"},
    {"[tracker]\nfast = maybe\n", ":2: 'fast' in [tracker] must be true or false"},
    {"[tracker]\nkeep = 90\n",
     ":2: 'keep' in [tracker] must be a time (with ms, s, m, h or d) from 0ms to 30d"},
    {"[tracker]\nkeep = 31d\n", ":2: 'keep'"},
    {"[tracker]\nkeep = 999999999999999999d\n", ":2: 'keep'"},
    {"[tracker]\nkeep = -1s\n", ":2: 'keep'"},
    {"[tracker]\nwindow_bytes = 5g\n",
     ":2: 'window_bytes' in [tracker] must be bytes (with k, m or g) from 0 to 4g"},
    {"[tracker]\nwindow_bytes = 1K\n", ":2: 'window_bytes'"},
    {"[tracker]\nname = ninechars\n", ":2: 'name' in [tracker] must be at most 8 bytes of text"},
    {"[tracker]\npath =\n", ":2: 'path' in [tracker] must be a path of 1 to 31 bytes"},
    {"[tracker]\nmode = c\n", ":2: 'mode' in [tracker] must be one of a|b|long"},
    {"[tracker]\nmode = a|b\n", ":2: 'mode'"},
    {"[tracker]\npath = a\x7f", ":2: 'path'"},
    {"[tracker]\nmode =\n", ":2: 'mode'"},
};

static void a_mistake_names_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(mistakes); i++) {
        struct sample out;
        int r = load(mistakes[i].text, &out);
        size_t n = strlen(mistakes[i].message);
        if (r != CONFIG_WRONG || strncmp(error, path, strlen(path)) != 0 ||
            strncmp(error + strlen(path), mistakes[i].message, n) != 0)
            fail_msg("case %zu: %d, %s", i, r, error);
    }
}

static void long_lines_and_missing_files_are_errors(void **state)
{
    (void)state;
    struct sample out;
    char text[1200] = "[tracker]\nname = ";
    memset(text + strlen(text), 'x', 1000);
    assert_int_equal(load(text, &out), CONFIG_WRONG);
    assert_non_null(strstr(error, ":2: line is longer than"));
    assert_int_equal(load("[tracker]\n", &out), 0);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(config_load(options, array_length(options), &out, path, error, sizeof(error)),
                     CONFIG_WRONG);
    assert_non_null(strstr(error, ": file is not text"));
    assert_int_equal(truncate(path, CONFIG_FILE_MAX + 1), 0);
    assert_int_equal(config_load(options, array_length(options), &out, path, error, sizeof(error)),
                     CONFIG_WRONG);
    assert_non_null(strstr(error, ": larger than"));
    assert_int_equal(config_load(options, array_length(options), &out, "/tmp", error, sizeof(error)),
                     -EISDIR);
    assert_int_equal(
        config_load(options, array_length(options), &out, "/nowhere/x.conf", error, sizeof(error)), -ENOENT);
    assert_string_equal(error, "/nowhere/x.conf: No such file or directory");
}

static void a_secret_wants_a_file_of_its_own(void **state)
{
    struct sample out;

    (void)state;
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(load("[tracker]\nkey = sesame\n", &out), 0);
    assert_string_equal(out.key, "sesame");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(load("[tracker]\nkey =\n", &out), 0);
    assert_int_equal(load("[tracker]\nkey = sesame\n", &out), CONFIG_WRONG);
    assert_non_null(strstr(error, ":2: 'key' in [tracker] is a secret"));
    assert_null(strstr(error, "sesame"));
    assert_int_equal(load("[tracker]\nkey = sesame-street\n", &out), CONFIG_WRONG);
    assert_null(strstr(error, "sesame"));
    assert_int_equal(chmod(path, 0600), 0);
}

static void the_environment_wins(void **state)
{
    (void)state;
    struct sample out;
    setenv("CLICKLEDGER_TRACKER_WINDOW_BYTES", "1k", 1);
    setenv("CLICKLEDGER_LOG_LEVEL", "debug", 1);
    setenv("CLICKLEDGER_API_WHATEVER", "1", 1);
    setenv("CLICKLEDGER_CONFIG", "/etc/x", 1);
    setenv("CLICKLEDGER_", "", 1);
    assert_int_equal(load("[tracker]\nwindow_bytes = 2k\nworkers = 2\n", &out), 0);
    assert_true(out.window_bytes == 1024 && out.level == 0 && out.workers == 2);
    setenv("CLICKLEDGER_TRACKER_WINDOW_BYTES", "x", 1);
    assert_int_equal(load("", &out), CONFIG_WRONG);
    assert_non_null(strstr(error, "CLICKLEDGER_TRACKER_WINDOW_BYTES: must be bytes"));
    unsetenv("CLICKLEDGER_TRACKER_WINDOW_BYTES");
    setenv("CLICKLEDGER_TRACKER_WROKERS", "1", 1);
    assert_int_equal(load("", &out), CONFIG_WRONG);
    assert_string_equal(error, "CLICKLEDGER_TRACKER_WROKERS: unknown key 'wrokers' in [tracker]");
    unsetenv("CLICKLEDGER_TRACKER_WROKERS");
    unsetenv("CLICKLEDGER_LOG_LEVEL");
}

static void the_sample_loads_as_the_defaults(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    config_describe(options, array_length(options), file);
    fclose(file);
    assert_non_null(strstr(text, "[tracker]\n# processes (an integer from 1 to 64)\n#workers = 1\n"));
    for (char *at = text; (at = strstr(at, "\n#")); at++) {
        if (at[2] != ' ')
            at[1] = ' ';
    }
    struct sample out, defaults;
    memset(&out, 0, sizeof(out));
    memset(&defaults, 0, sizeof(defaults));
    assert_int_equal(load(text, &out), 0);
    assert_int_equal(load("", &defaults), 0);
    assert_memory_equal(&out, &defaults, sizeof(out));
    free(text);
}

static int path_make(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int path_remove(void **state)
{
    (void)state;
    return unlink(path);
}

static void a_change_that_needs_a_restart_is_found(void **state)
{
    static const struct {
        const char *text, *name; // of the option, or NULL
    } changes[] = {
        {"", NULL},
        {"[log]\nlevel = error\n", NULL},
        {"[tracker]\nworkers = 1\nname =\n", NULL},
        {"[tracker]\nworkers = 2\n", "workers"},
        {"[log]\nlevel = error\n[tracker]\nfast = no\n", "fast"},
        {"[tracker]\nname = x\n", "name"},
        {"[tracker]\npath = /var/lib/\n", "path"},
    };
    struct sample before, after;

    (void)state;
    memset(&before, 'b', sizeof(before)); // what lies behind a text differs
    assert_int_equal(load("", &before), 0);
    for (size_t i = 0; i < array_length(changes); i++) {
        memset(&after, 'a', sizeof(after));
        assert_int_equal(load(changes[i].text, &after), 0);
        const struct config_option *found =
            config_frozen_change(options, array_length(options), &before, &after);
        if (changes[i].name)
            assert_string_equal(found ? found->name : "none", changes[i].name);
        else
            assert_null(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(the_file_is_read),
        cmocka_unit_test(a_mistake_names_its_place),
        cmocka_unit_test(long_lines_and_missing_files_are_errors),
        cmocka_unit_test(a_secret_wants_a_file_of_its_own),
        cmocka_unit_test(the_environment_wins),
        cmocka_unit_test(the_sample_loads_as_the_defaults),
        cmocka_unit_test(a_change_that_needs_a_restart_is_found),
    };
    return cmocka_run_group_tests(tests, path_make, path_remove);
}
