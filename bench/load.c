// bench/load: asks a host for redirects at a fixed rate and keeps the click ids it was given, for
// bench/verify. Plain HTTP/1.1; owns the command line and the report.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/engine.h"
#include "bench/url.h"

#define CONNECTIONS_MAX  60000
#define RATE_MAX         1e7
#define SECONDS_MAX      86400.0
#define REQUESTS_DEFAULT 16384
#define REQUESTS_MAX     1000000
#define SEED_REQUESTS    UINT64_C(0x636c69636b73)
#define EXIT_USAGE       2
#define EXIT_INTERRUPTED 130

static const char usage[] =
    "usage: bench/load URL --rate N --seconds S [options]\n"
    "Sends GET requests to an http:// URL and says how long the answers took.\n"
    "\n"
    "  --rate N         requests a second, due at times that are fixed in advance; an answer's time counts "
    "from when\n"
    "                   its request was due (open loop). 0: each connection asks again when it was answered\n"
    "  --seconds S      how long to ask\n"
    "  --count N        how many requests, instead of or beside --seconds\n"
    "  --connections C  connections (default 64)\n"
    "  --ids FILE       click ids that were received, one a line; read it with bench/verify\n"
    "  --mix FILE       what requests look like: see bench/browsers.mix. The URL's path, unless it is /, "
    "replaces\n"
    "                   those of the mix and may hold its {lists}\n"
    "  --returning P    P % of the requests come from an earlier visitor with his cookie, the others from "
    "new "
    "ones; each\n"
    "                   has an address of his own, in X-Forwarded-For (default 0: what the mix says)\n"
    "  --requests N     different requests made before the start and then sent in turn (default 16384)\n"
    "  --close          a new connection for each request\n"
    "  --from A,B,...   addresses to connect from, so that ports do not run out\n"
    "  --even           equal gaps between requests; without it they are random, as those of many visitors "
    "are\n"
    "  --seed N         of what is random (default 1)\n"
    "  --timeout S      an answer that takes longer is given up (default 10)\n"
    "  --report FILE    the result as lines name=value\n"
    "  --quiet          no line of progress each second\n"
    "\n"
    "Ctrl-C ends with what is known by then. Exit code: 0 all were answered with 2xx or 3xx, 1 not all, 2 "
    "wrong usage,\n"
    "130 interrupted.\n";

struct load {
    struct engine_options engine;
    const char *url, *mix, *ids, *report;
    size_t requests;
};

static _Noreturn void fail(const char *what, const char *about)
{
    (void)fprintf(stderr, "bench/load: %s%s%s\n", what, about ? ": " : "", about ? about : "");
    exit(EXIT_USAGE);
}

static double number_read(const char *text, double low, double high, const char *name)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= low && value <= high)) {
        (void)fprintf(stderr, "bench/load: --%s: a number from %.15g to %.15g\n", name, low, high);
        exit(EXIT_USAGE);
    }
    return value;
}

// --- Addresses -------------------------------------------------------------------------------

static void resolve(const char *host, const char *port, int flags, struct sockaddr_storage *address,
                    socklen_t *bytes)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found;
    int r = getaddrinfo(host, port, &hints, &found);

    if (r)
        fail(gai_strerror(r), host);
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *bytes = found->ai_addrlen;
    freeaddrinfo(found);
}

static void from_read(struct engine_options *options, char *list)
{
    char *one;

    while ((one = strsep(&list, ","))) {
        if (options->n_from == ENGINE_FROM_MAX)
            fail("--from: too many addresses", NULL);
        resolve(one, NULL, AI_NUMERICHOST, &options->from[options->n_from++], &options->from_bytes);
    }
}

// --- Command line ----------------------------------------------------------------------------

static const struct option long_options[] = {{"rate", required_argument, NULL, 'r'},
                                             {"seconds", required_argument, NULL, 's'},
                                             {"count", required_argument, NULL, 'n'},
                                             {"connections", required_argument, NULL, 'c'},
                                             {"ids", required_argument, NULL, 'i'},
                                             {"mix", required_argument, NULL, 'm'},
                                             {"requests", required_argument, NULL, 'p'},
                                             {"close", no_argument, NULL, 'x'},
                                             {"returning", required_argument, NULL, 'b'},
                                             {"from", required_argument, NULL, 'f'},
                                             {"even", no_argument, NULL, 'e'},
                                             {"seed", required_argument, NULL, 'S'},
                                             {"timeout", required_argument, NULL, 't'},
                                             {"report", required_argument, NULL, 'R'},
                                             {"quiet", no_argument, NULL, 'q'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

static void option_take(struct load *load, int option, char *text)
{
    struct engine_options *engine = &load->engine;

    switch (option) {
    case 'r':
        engine->rate = number_read(text, 0, RATE_MAX, "rate");
        return;
    case 's':
        engine->lasts_ns = (uint64_t)(number_read(text, 0.01, SECONDS_MAX, "seconds") * 1e9);
        return;
    case 'n':
        engine->n = (uint64_t)number_read(text, 1, 1e12, "count");
        return;
    case 'c':
        engine->connections = (unsigned)number_read(text, 1, CONNECTIONS_MAX, "connections");
        return;
    case 'i':
        load->ids = text;
        return;
    case 'm':
        load->mix = text;
        return;
    case 'p':
        load->requests = (size_t)number_read(text, 1, REQUESTS_MAX, "requests");
        return;
    case 'b':
        engine->returning_per_cent = (unsigned)number_read(text, 0, 100, "returning");
        return;
    case 'x':
        engine->close = true;
        return;
    case 'f':
        from_read(engine, text);
        return;
    case 'e':
        engine->even = true;
        return;
    case 'S':
        engine->seed = (uint64_t)number_read(text, 0, 1e15, "seed");
        return;
    case 't':
        engine->timeout_ns = (uint64_t)(number_read(text, 0.01, SECONDS_MAX, "timeout") * 1e9);
        return;
    case 'R':
        load->report = text;
        return;
    case 'q':
        engine->quiet = true;
        return;
    case 'h':
        (void)fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    default:
        (void)fputs("bench/load --help says more\n", stderr);
        exit(EXIT_USAGE);
    }
}

static void command_line_read(struct load *load, int argc, char **argv)
{
    int option;

    load->engine.rate = NAN;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        option_take(load, option, optarg);
    if (optind + 1 != argc)
        fail("one URL is needed", "bench/load --help says more");
    load->url = argv[optind];
    if (isnan(load->engine.rate))
        fail("--rate is needed", "0 for a closed loop");
    if (load->engine.lasts_ns == UINT64_MAX && load->engine.n == UINT64_MAX)
        fail("--seconds or --count is needed", NULL);
    // The open loop knows all its arrivals; what is left over when the time is over was not due.
    if (load->engine.n == UINT64_MAX && load->engine.rate > 0)
        load->engine.n = (uint64_t)(load->engine.rate * (double)load->engine.lasts_ns / 1e9) + 1;
}

// --- Preparation -----------------------------------------------------------------------------

static struct mix *mix_make(const struct load *load, struct slice path)
{
    struct mix *mix;
    char error[MIX_ERROR_BYTES] = "no memory";

    if (mix_new(&mix) || (load->mix && mix_load(mix, load->mix, error)))
        fail(error, NULL);
    if ((!slice_equal(path, SLICE("/")) || !load->mix) && mix_set_path(mix, path, error))
        fail(error, NULL);
    if (mix_check(mix, error))
        fail(error, NULL);
    return mix;
}

static void requests_prepare(struct load *load, struct requests *requests)
{
    struct url url;

    if (url_parse(slice_of(load->url), &url))
        fail("the URL must be http://HOST[:PORT][/PATH]", load->url);
    resolve(url.host, url.port, 0, &load->engine.address, &load->engine.address_bytes);
    struct mix *mix = mix_make(load, url.path);
    if (requests_make(requests, mix, load->requests, load->engine.seed ^ SEED_REQUESTS, url.authority,
                      SLICE_NONE))
        fail("a request is too long, or there is no memory", NULL);
    mix_free(mix);
}

static FILE *file_open(const char *path)
{
    FILE *file = path ? fopen(path, "we") : NULL;

    if (path && !file)
        fail(strerror(errno), path);
    return file;
}

static void descriptors_raise(unsigned connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < connections + 16)
        fail("the limit of open files is below --connections", "ulimit -n");
}

// --- Report ----------------------------------------------------------------------------------

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1.0}};

static const char *const failures[CLIENT_FAILURES] = {
    [CLIENT_NOT_CONNECTED] = "not connected",
    [CLIENT_ENDED] = "connection ended without an answer",
    [CLIENT_TIMED_OUT] = "timed out",
    [CLIENT_NOT_HTTP] = "not HTTP",
};

static uint64_t failed_of(const struct engine_totals *totals)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < CLIENT_FAILURES; i++)
        sum += totals->failed[i];
    return sum;
}

static void report_print(const struct load *load, const struct engine_totals *totals)
{
    double seconds = (double)totals->elapsed_ns / 1e9;

    if (totals->interrupted)
        printf("interrupted; what is known:\n");
    printf("%" PRIu64 " of %" PRIu64 " requests answered in %.1f s, %.1f a second, on %u connections%s\n",
           totals->answered, totals->sent, seconds, (double)totals->answered / seconds,
           load->engine.connections, load->engine.close ? ", a new one for each" : "");
    for (size_t i = 0; i < array_length(totals->status); i++)
        if (totals->status[i] > 0)
            printf("  status %zuxx: %" PRIu64 "\n", i, totals->status[i]);
    printf("  with a click id: %" PRIu64 "\n", totals->ids);
    for (size_t i = 0; i < CLIENT_FAILURES; i++)
        if (totals->failed[i] > 0)
            printf("  %s: %" PRIu64 "\n", failures[i], totals->failed[i]);
    if (totals->last_error != 0)
        printf("  the last error: %s\n", strerror(totals->last_error));
    if (totals->late > 0)
        printf("  due while all connections were busy: %" PRIu64 "\n", totals->late);
    printf("time of an answer from %s, in us:\n ", load->engine.rate > 0 ? "when it was due" : "its request");
    for (size_t i = 0; i < array_length(quantiles); i++)
        printf(" %s %.1f ", quantiles[i].name,
               (double)histogram_quantile(&totals->latency, quantiles[i].share) / 1e3);
    printf("\n");
    histogram_print(&totals->latency, stdout);
}

static void report_write(FILE *out, const struct engine_totals *totals)
{
    (void)fprintf(out,
                  "sent=%" PRIu64 "\nanswered=%" PRIu64 "\nids=%" PRIu64 "\nfailed=%" PRIu64 "\nlate=%" PRIu64
                  "\nelapsed_ns=%" PRIu64 "\n",
                  totals->sent, totals->answered, totals->ids, failed_of(totals), totals->late,
                  totals->elapsed_ns);
    for (size_t i = 0; i < array_length(totals->status); i++)
        (void)fprintf(out, "status_%zuxx=%" PRIu64 "\n", i, totals->status[i]);
    for (size_t i = 0; i < array_length(quantiles); i++)
        (void)fprintf(out, "%s_ns=%" PRIu64 "\n", quantiles[i].name,
                      histogram_quantile(&totals->latency, quantiles[i].share));
}

int main(int argc, char **argv)
{
    static struct engine_totals totals;
    struct load load = {.engine = {.connections = 64,
                                   .n = UINT64_MAX,
                                   .lasts_ns = UINT64_MAX,
                                   .timeout_ns = UINT64_C(10000000000),
                                   .seed = 1},
                        .requests = REQUESTS_DEFAULT};
    struct requests requests;

    command_line_read(&load, argc, argv);
    requests_prepare(&load, &requests);
    descriptors_raise(load.engine.connections);
    load.engine.ids = file_open(load.ids);
    FILE *report = file_open(load.report);
    int r = engine_run(&load.engine, &requests, &totals);
    if (r)
        fail("the loop failed", strerror(-r));
    report_print(&load, &totals);
    if (report)
        report_write(report, &totals);
    bool written = !totals.ids_failed && (!load.engine.ids || fclose(load.engine.ids) == 0) &&
                   (!report || fclose(report) == 0) && fflush(stdout) == 0;
    requests_free(&requests);
    if (!written)
        fail("a file could not be written", strerror(errno));
    if (totals.interrupted)
        return EXIT_INTERRUPTED;
    uint64_t good = totals.status[2] + totals.status[3];
    return good == totals.sent ? EXIT_SUCCESS : EXIT_FAILURE;
}
