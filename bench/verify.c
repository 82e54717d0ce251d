// bench/verify: every click id of a file must be in PostgreSQL, once. Waits while some are under way. Owns
// the command line, the batches of ids and the report. Limits: all ids are held in memory, see bench/ids.h.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/pg.h"
#include "bench/ids.h"

#define BATCH            20000
#define WAIT_S_DEFAULT   60.0
#define WAIT_S_MAX       86400.0
#define POLL_MS          200
#define EXAMPLES_MAX     5
#define EXIT_USAGE       2
#define EXIT_POSTGRES    3
#define EXIT_INTERRUPTED 130

static const char usage[] =
    "usage: bench/verify FILE --postgres CONNINFO [--wait S]\n"
    "Every click id of FILE (one a line, as bench/load --ids writes them) must be in PostgreSQL once.\n"
    "\n"
    "  --postgres CONNINFO  a role that may read clickledger.click; a password belongs in ~/.pgpass\n"
    "  --wait S             how long ids may be under way before they are missing (default 60)\n"
    "  --quiet              no line of progress each second\n"
    "\n"
    "Exit code: 0 each is there once, 1 some are missing or there twice, or FILE names one twice, 2 wrong "
    "usage, 3\n"
    "PostgreSQL cannot be asked, 130 interrupted.\n";

// The time of a click is its id's, so that only the partitions of the batch are looked at.
static const char query[] = "select asked.id, count(click.click_id) from unnest($1::uuid[]) as asked (id) "
                            "left join clickledger.click as click "
                            "on click.click_id = asked.id and click.ts between "
                            "clickledger.click_ts($2::uuid) and clickledger.click_ts($3::uuid) "
                            "group by asked.id having count(click.click_id) <> 1";

struct verify {
    const char *file, *conninfo;
    double wait_s;
    bool quiet;
    struct pg *pg;
    struct ids open;  // not found yet, ascending
    struct ids twice; // in the file, or in PostgreSQL
    size_t asked;     // different ids of the file
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static _Noreturn void fail(int code, const char *what, const char *about)
{
    (void)fprintf(stderr, "bench/verify: %s%s%s\n", what, about ? ": " : "", about ? about : "");
    exit(code);
}

// --- PostgreSQL ------------------------------------------------------------------------------

static void connect_once(struct verify *verify)
{
    struct pg_error error;

    if (pg_connect(&verify->pg, verify->conninfo, "clickledger-verify", &error))
        fail(EXIT_POSTGRES, "PostgreSQL", error.message);
}

// "{id,id,...}"
static size_t array_write(const struct ids *ids, size_t first, size_t n, char *out)
{
    char *at = out;

    for (size_t i = 0; i < n; i++) {
        *at++ = i == 0 ? '{' : ',';
        click_id_format(ids->id[first + i], at);
        at += CLICK_ID_TEXT_BYTES;
    }
    *at++ = '}';
    return (size_t)(at - out);
}

static struct pg_result *batch_ask(struct verify *verify, size_t first, size_t n)
{
    static char array[BATCH * (CLICK_ID_TEXT_BYTES + 1) + 1];
    struct pg_result *result;
    const struct pg_param params[] = {
        pg_text((struct slice){array, array_write(&verify->open, first, n, array)}),
        pg_uuid(verify->open.id[first]), pg_uuid(verify->open.id[first + n - 1])};

    if (pg_query(verify->pg, query, params, array_length(params), &result))
        fail(EXIT_POSTGRES, "PostgreSQL", pg_error(verify->pg)->message);
    return result;
}

static void add(struct ids *ids, const uint8_t id[CLICK_ID_BYTES])
{
    if (ids_add(ids, id))
        fail(EXIT_POSTGRES, "no memory", NULL);
}

// Ids that are there leave `open`.
static void open_ask(struct verify *verify)
{
    struct ids left = {0};
    uint8_t id[CLICK_ID_BYTES];

    for (size_t first = 0; first < verify->open.n && !stopped; first += BATCH) {
        struct pg_result *result = batch_ask(verify, first, min_of(verify->open.n - first, (size_t)BATCH));
        for (size_t row = 0; row < pg_result_rows(result); row++) {
            if (click_id_parse(pg_result_cell(result, row, 0), id))
                fail(EXIT_POSTGRES, "PostgreSQL gave something that is no id", NULL);
            add(pg_result_int(result, row, 1) == 0 ? &left : &verify->twice, id);
        }
        pg_result_free(result);
    }
    if (stopped)
        return;
    ids_free(&verify->open);
    verify->open = left;
    ids_sort(&verify->open);
}

static void wait_for_open(struct verify *verify)
{
    uint64_t begin_ms = clock_monotonic_ms(), told_ms = begin_ms;
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};

    open_ask(verify);
    while (!stopped && verify->open.n > 0) {
        uint64_t now_ms = clock_monotonic_ms();
        if ((double)(now_ms - begin_ms) >= verify->wait_s * 1000)
            return;
        if (!verify->quiet && now_ms - told_ms >= 1000) {
            told_ms = now_ms;
            (void)fprintf(stderr, "%4" PRIu64 " s  %zu of %zu not in PostgreSQL yet\n",
                          (now_ms - begin_ms) / 1000, verify->open.n, verify->asked);
        }
        nanosleep(&pause, NULL);
        open_ask(verify);
    }
}

// --- Command line and report -----------------------------------------------------------------

static void examples_print(const char *what, const struct ids *ids)
{
    char id[CLICK_ID_TEXT_BYTES];

    if (ids->n == 0)
        return;
    printf("%s: %zu, for example\n", what, ids->n);
    for (size_t i = 0; i < min_of(ids->n, (size_t)EXAMPLES_MAX); i++) {
        click_id_format(ids->id[i], id);
        printf("  %.*s\n", CLICK_ID_TEXT_BYTES, id);
    }
}

static int report(const struct verify *verify)
{
    if (stopped)
        printf("interrupted; what is known:\n");
    printf("%zu different ids, %zu in PostgreSQL\n", verify->asked, verify->asked - verify->open.n);
    examples_print("missing", &verify->open);
    examples_print("more than once", &verify->twice);
    if (stopped)
        return EXIT_INTERRUPTED;
    return verify->open.n + verify->twice.n > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static double wait_read(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds >= 0 && seconds <= WAIT_S_MAX))
        fail(EXIT_USAGE, "--wait: seconds from 0 to 86400", NULL);
    return seconds;
}

static void command_line_read(struct verify *verify, int argc, char **argv)
{
    static const struct option options[] = {{"postgres", required_argument, NULL, 'p'},
                                            {"wait", required_argument, NULL, 'w'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            verify->conninfo = optarg;
            break;
        case 'w':
            verify->wait_s = wait_read(optarg);
            break;
        case 'q':
            verify->quiet = true;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            (void)fputs("bench/verify --help says more\n", stderr);
            exit(EXIT_USAGE);
        }
    }
    if (optind + 1 != argc || !verify->conninfo)
        fail(EXIT_USAGE, "one FILE and --postgres are needed", "bench/verify --help says more");
    verify->file = argv[optind];
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct verify verify = {.wait_s = WAIT_S_DEFAULT};
    char error[IDS_ERROR_BYTES] = "no memory";

    command_line_read(&verify, argc, argv);
    if (ids_load(&verify.open, verify.file, error) || ids_unique(&verify.open, &verify.twice))
        fail(EXIT_USAGE, error, NULL);
    verify.asked = verify.open.n;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    connect_once(&verify);
    wait_for_open(&verify);
    int r = report(&verify);
    pg_free(verify.pg);
    ids_free(&verify.open);
    ids_free(&verify.twice);
    return r;
}
