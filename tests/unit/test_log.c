// Log lines: values that cannot break out, cutting, levels, budgets. The lines are caught in a pipe put under
// stderr.

#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/util.h"

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        ("" literal), sizeof(literal) - 1                                                                    \
    }

static const struct {
    struct slice value;
    const char *written;
} values[] = {
    {TEXT("plain-word_1.2:3/4"), " v=plain-word_1.2:3/4"},
    {TEXT(""), " v=\"\""},
    {TEXT("two words"), " v=\"two words\""},
    {TEXT("a=b"), " v=\"a=b\""},
    {TEXT("q\"\\"), " v=\"q\\\"\\\\\""},
    {TEXT("x\n2026-01-01 level=info event=payout.approved"),
     " v=\"x\\n2026-01-01 level=info event=payout.approved\""},
    {TEXT("\r\t"), " v=\"\\r\\t\""},
    {TEXT("\x1b[2J"), " v=\"\\x1b[2J\""},
    {TEXT("a\0b"), " v=\"a\\x00b\""},
    {TEXT("\x7f"), " v=\"\\x7f\""},
    {TEXT("\xd0\xbf"), " v=\"\xd0\xbf\""},
    {TEXT("\xff\xd0"), " v=\"\\xff\\xd0\""},
    {TEXT("\xc2\x9b"), " v=\"\\xc2\\x9b\""},
    {TEXT("\xe2\x80\xae"), " v=\"\\xe2\\x80\\xae\""},
    {TEXT("\xe2\x80\xa8"), " v=\"\\xe2\\x80\\xa8\""},
    {TEXT("\xe2\x82\xac"), " v=\"\xe2\x82\xac\""},
};

static void no_value_breaks_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(values); i++) {
        char out[256];
        bool all;
        struct log_field fields[] = {log_slice("v", values[i].value), LOG_FIELDS_END};
        size_t len = log_format(out, sizeof(out), fields, &all);
        if (!all || !slice_equal((struct slice){out, len}, slice_of(values[i].written)))
            fail_msg("case %zu: %.*s", i, (int)len, out);
    }
}

static void numbers_and_truth(void **state)
{
    (void)state;
    char out[256];
    bool all;
    struct log_field fields[] = {log_int("i", INT64_MIN), log_uint("u", UINT64_MAX), log_bool("b", true),
                                 log_str("s", NULL),      log_errno(-ENOSPC),        LOG_FIELDS_END};
    size_t len = log_format(out, sizeof(out) - 1, fields, &all);
    out[len] = '\0';
    assert_string_equal(out, " i=-9223372036854775808 u=18446744073709551615 b=true s=\"\" "
                             "error=\"No space left on device\"");
}

static void a_cut_line_is_still_a_line(void **state)
{
    (void)state;
    struct log_field fields[] = {log_str("a", "x"), log_str("b", "some \"words\" \xd0\xbf\n"),
                                 log_int("c", 12345), LOG_FIELDS_END};
    char whole[128];
    bool all;
    size_t full = log_format(whole, sizeof(whole), fields, &all);
    assert_true(all);
    for (size_t room = 0; room < full; room++) {
        char out[128];
        size_t len = log_format(out, room, fields, &all), quotes = 0;
        assert_true(len <= room && !all);
        for (size_t i = 0; i < len; i++)
            quotes += out[i] == '"' && out[i - 1] != '\\';
        assert_int_equal(quotes % 2, 0);
        assert_true(len == 0 || out[len - 1] != '\\');
    }
}

static char caught[65536];

// Puts a pipe under stderr while `act` writes; the pipe holds all of it.
static size_t lines_catch(void (*act)(void))
{
    int ends[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    act();
    dup2(kept, STDERR_FILENO);
    close(kept);
    size_t lines = 0, len = 0;
    for (ssize_t n; (n = read(ends[0], caught + len, sizeof(caught) - 1 - len)) > 0;)
        len += (size_t)n;
    close(ends[0]);
    caught[len] = '\0';
    for (size_t i = 0; i < len; i++)
        lines += caught[i] == '\n';
    return lines;
}

static void write_levels(void)
{
    log_open("tracker", LOG_WARN);
    log_event(LOG_INFO, "test.hidden");
    log_event(LOG_WARN, "test.shown");
    log_event(LOG_ERROR, "test.shown", log_int("n", 1), log_str("path", "/a b"));
}

static void lines_have_their_place(void **state)
{
    (void)state;
    char tail[128];
    assert_int_equal(lines_catch(write_levels), 2);
    assert_memory_equal(caught, "time=2", 6);
    snprintf(tail, sizeof(tail), " level=error program=tracker pid=%d event=test.shown n=1 path=\"/a b\"\n",
             (int)getpid());
    assert_non_null(strstr(caught, tail));
    assert_null(strstr(caught, "hidden"));
}

static void write_flood(void)
{
    log_open("tracker", LOG_INFO);
    for (unsigned i = 0; i < 500; i++)
        log_event(LOG_INFO, "test.flood");
    log_event(LOG_INFO, "test.other");
}

static void a_flood_is_suppressed_alone(void **state)
{
    (void)state;
    size_t lines = lines_catch(write_flood);
    assert_true(lines >= LOG_BURST_LINES + 1 && lines < 250);
    assert_non_null(strstr(caught, "event=test.other\n"));
}

// The budget refills with time: writes until the next line comes through, for 20 s at most.
static void write_until_let_through(void)
{
    uint64_t limit_ms = clock_monotonic_ms() + 20000;
    int before = 0, now = 0;

    for (unsigned i = 0; i < LOG_BURST_LINES + 5; i++)
        log_event(LOG_INFO, "test.refill");
    ioctl(STDERR_FILENO, FIONREAD, &before);
    for (now = before; now == before && clock_monotonic_ms() < limit_ms; ioctl(STDERR_FILENO, FIONREAD, &now))
        log_event(LOG_INFO, "test.refill");
}

static void what_was_suppressed_is_told(void **state)
{
    (void)state;
    lines_catch(write_until_let_through);
    char *told = strstr(caught, " suppressed=");
    assert_non_null(told);
    assert_true(atoi(told + strlen(" suppressed=")) >= 5);
}

static void write_long(void)
{
    static char text[LOG_LINE_MAX + 1];
    memset(text, 'x', sizeof(text) - 1);
    log_event(LOG_INFO, "test.long", log_str("text", text), log_int("n", 5));
}

static void a_long_line_says_so(void **state)
{
    (void)state;
    assert_int_equal(lines_catch(write_long), 1);
    assert_true(strlen(caught) <= LOG_LINE_MAX);
    assert_non_null(strstr(caught, "xxx\" truncated=true\n"));
}

static char names[LOG_EVENTS_MAX + 50][32];

static void write_many_events(void)
{
    for (size_t i = 0; i < array_length(names); i++) {
        snprintf(names[i], sizeof(names[i]), "test.many.%zu", i);
        log_event(LOG_INFO, names[i]);
    }
}

static void event_names_are_bounded(void **state)
{
    (void)state;
    size_t lines = lines_catch(write_many_events);
    assert_true(lines > LOG_EVENTS_MAX / 2 && lines < array_length(names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_value_breaks_out),         cmocka_unit_test(numbers_and_truth),
        cmocka_unit_test(a_cut_line_is_still_a_line),  cmocka_unit_test(lines_have_their_place),
        cmocka_unit_test(a_flood_is_suppressed_alone), cmocka_unit_test(what_was_suppressed_is_told),
        cmocka_unit_test(a_long_line_says_so),         cmocka_unit_test(event_names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
