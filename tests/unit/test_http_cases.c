// Conformance and smuggling cases (tests/data/http_cases.txt) and the kept corpus of the HTTP fuzzer against
// the server: each gets the answers of its verdict, and the same bytes whether it comes in one piece, byte by
// byte or in any two pieces. Usage: test_http_cases CASES CORPUS-FOLDER.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <dirent.h>
#include <stdio.h>

#include "http_world.h"

enum {
    LINE_BYTES_MAX = 4096,
    REQUEST_BYTES_MAX = 64 * 1024,
    HEARD_BYTES_MAX = 64 * 1024,
    TURNS = 6,              // until the server has nothing left to do
    EVERY_CUT_BYTES = 1024, // a longer request is cut at some places only
    CUTS_OF_LONG = 40,
};

static const char *cases_path, *corpus_path;
static unsigned wrong;

// --- The table -------------------------------------------------------------------------------------------

static const struct {
    const char *name, *text;
} macros[] = {
    {"{get}", "GET /c/demo HTTP/1.1\r\nHost: a\r\n"},
    {"{head}", "HEAD /c/demo HTTP/1.1\r\nHost: a\r\n"},
    {"{post}", "POST /c/demo HTTP/1.1\r\nHost: a\r\n"},
    {"{get10}", "GET /c/demo HTTP/1.0\r\n"},
    {"{line}", "GET /c/demo HTTP/1.1\r\n"},
    {"{end}", "\r\n"},
    {"{chunked}", "POST /c/demo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"{next}", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"},
};

// One byte, escaped or not; moves behind it.
static char byte_take(const char **at)
{
    static const char letters[] = "rnt\\", bytes[] = "\r\n\t\\";
    char c = *(*at)++;

    if (c != '\\')
        return c;
    c = *(*at)++;
    if (c == 'x') {
        char digits[3] = {(*at)[0], (*at)[1], 0};
        *at += 2;
        return (char)strtol(digits, NULL, 16);
    }
    const char *letter = strchr(letters, c);
    assert_non_null(letter);
    return bytes[letter - letters];
}

// "{<character>*<number>}" at *at: writes it and moves behind it.
static size_t repeat_take(const char **at, char *out)
{
    const char *p = *at + 1;
    char *end, c = byte_take(&p);
    size_t n = *p == '*' ? strtoul(p + 1, &end, 10) : 0;

    if (n == 0 || *end != '}')
        return 0;
    assert_true(n < REQUEST_BYTES_MAX / 2);
    memset(out, c, n);
    *at = end + 1;
    return n;
}

static size_t macro_take(const char **at, char *out)
{
    for (size_t i = 0; i < array_length(macros); i++)
        if (strncmp(*at, macros[i].name, strlen(macros[i].name)) == 0) {
            *at += strlen(macros[i].name);
            memcpy(out, macros[i].text, strlen(macros[i].text));
            return strlen(macros[i].text);
        }
    return repeat_take(at, out);
}

static size_t request_unescape(const char *text, char *out)
{
    size_t len = 0;

    while (*text != '\0' && *text != '\n') {
        size_t n = *text == '{' ? macro_take(&text, out + len) : 0;
        if (n == 0)
            out[len] = byte_take(&text);
        len += n > 0 ? n : 1;
        assert_true(len < REQUEST_BYTES_MAX / 2);
    }
    return len;
}

// --- Feeding ---------------------------------------------------------------------------------------------

struct heard {
    char bytes[HEARD_BYTES_MAX];
    size_t len;
    bool closed;
};

static void settle(struct heard *heard)
{
    for (int i = 0; i < TURNS; i++) {
        turn();
        heard->closed |= hear();
        assert_true(heard->len + world.got_bytes < sizeof(heard->bytes));
        memcpy(heard->bytes + heard->len, world.got, world.got_bytes);
        heard->len += world.got_bytes;
    }
}

static void cut_out(struct heard *heard, char *from, size_t len)
{
    char *end = heard->bytes + heard->len;

    memmove(from, from + len, (size_t)(end - from - (ptrdiff_t)len));
    heard->len -= len;
    heard->bytes[heard->len] = '\0';
}

// What may differ: the time, and whether a client had to be told to go on.
static void normalize(struct heard *heard)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n", date[] = "Date: ";
    char *at;

    heard->bytes[heard->len] = '\0';
    while ((at = strstr(heard->bytes, go_on)) != NULL)
        cut_out(heard, at, sizeof(go_on) - 1);
    while ((at = strstr(heard->bytes, date)) != NULL)
        cut_out(heard, at, (size_t)(strchr(at, '\n') + 1 - at));
}

// `first` bytes, then `step` at a time, until the server hears no more.
static void feed(const char *data, size_t len, size_t first, size_t step, struct heard *heard)
{
    *heard = (struct heard){.len = 0};
    world.calls = 0;
    world.fd = client_new();
    for (size_t at = 0, n = first; at < len; at += n, n = min_of(step, len - at)) {
        if (send(world.fd, data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
            break;
        turn();
    }
    settle(heard);
    close(world.fd);
    for (int i = 0; i < TURNS && http_server_connections(world.server) > 0; i++)
        turn();
    assert_int_equal(http_server_connections(world.server), 0);
    normalize(heard);
}

static void same(const char *name, const struct heard *whole, const struct heard *cut, size_t at)
{
    if (whole->len != cut->len || memcmp(whole->bytes, cut->bytes, whole->len) != 0 ||
        whole->closed != cut->closed)
        fail_msg("%s cut at %zu:\n%.*s\nnot:\n%.*s", name, at, (int)cut->len, cut->bytes, (int)whole->len,
                 whole->bytes);
}

static void cuts_change_nothing(const char *name, const char *data, size_t len, const struct heard *whole)
{
    static struct heard cut;
    size_t step = len > EVERY_CUT_BYTES ? len / CUTS_OF_LONG : 1;

    for (size_t at = 1; at < len; at += step) {
        feed(data, len, at, len, &cut);
        same(name, whole, &cut, at);
    }
    feed(data, len, min_of(len, (size_t)1), 1, &cut);
    same(name, whole, &cut, 0);
}

// --- Verdicts --------------------------------------------------------------------------------------------

// The verdict in the words of the table. What the handler was asked it answers with 200.
static void verdict_of(const struct heard *heard, char *out, size_t room)
{
    static const char line[] = "HTTP/1.1 ";
    unsigned last = 200;
    size_t len = 0;

    out[0] = '\0';
    for (const char *at = heard->bytes; (at = strstr(at, line)) != NULL; at++) {
        last = (unsigned)strtoul(at + sizeof(line) - 1, NULL, 10);
        len +=
            (size_t)snprintf(out + len, room - len, last == 200 ? "%sok" : "%s%u", len > 0 ? "," : "", last);
        assert_true(len < room);
    }
    if (len == 0)
        snprintf(out, room, heard->closed ? "close" : "more");
    else if (last == 200 && heard->closed)
        snprintf(out + len, room - len, ",close");
    else if (last != 200 && !heard->closed)
        snprintf(out + len, room - len, ",open");
}

static void case_check(const char *line)
{
    static char request[REQUEST_BYTES_MAX];
    static struct heard whole;
    char verdict[64], wanted[64];
    const char *blank = strchr(line, ' ');

    assert_non_null(blank);
    snprintf(wanted, sizeof(wanted), "%.*s", (int)(blank - line), line);
    size_t len = request_unescape(blank + 1, request);
    feed(request, len, len, len, &whole);
    verdict_of(&whole, verdict, sizeof(verdict));
    if (strcmp(verdict, wanted) != 0) {
        print_error("%s, not %s", verdict, line);
        wrong++;
    }
    cuts_change_nothing(line, request, len, &whole);
}

static void cases_get_their_verdict(void **state)
{
    static char line[LINE_BYTES_MAX];
    FILE *file = fopen(cases_path, "r");
    unsigned n = 0;

    (void)state;
    assert_non_null(file);
    world_open(&(struct http_limits){0});
    close(world.fd);
    while (fgets(line, sizeof(line), file) != NULL)
        if (line[0] != '#' && line[0] != '\n') {
            case_check(line);
            n++;
        }
    fclose(file);
    world.fd = client_new();
    assert_true(n > 600);
    assert_int_equal(wrong, 0);
}

// --- The corpus ------------------------------------------------------------------------------------------

static size_t file_read(const char *folder, const char *name, char *out, size_t room)
{
    char path[LINE_BYTES_MAX];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, room, file);
    fclose(file);
    return len;
}

// The first byte of an input is the fuzzer's.
static void the_corpus_may_be_cut_anywhere(void **state)
{
    static char input[REQUEST_BYTES_MAX];
    static struct heard whole;
    DIR *folder = opendir(corpus_path);
    unsigned n = 0;

    (void)state;
    assert_non_null(folder);
    world_open(&(struct http_limits){0});
    close(world.fd);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t len =
            entry->d_name[0] != '.' ? file_read(corpus_path, entry->d_name, input, sizeof(input)) : 0;
        if (len < 2)
            continue;
        feed(input + 1, len - 1, len - 1, len - 1, &whole);
        cuts_change_nothing(entry->d_name, input + 1, len - 1, &whole);
        n++;
    }
    closedir(folder);
    world.fd = client_new();
    assert_true(n >= 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(cases_get_their_verdict),
        TEST(the_corpus_may_be_cut_anywhere),
    };

    if (argc != 3)
        return EXIT_FAILURE;
    cases_path = argv[1];
    corpus_path = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
