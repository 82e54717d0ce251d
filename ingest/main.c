// clickledger-ingest: the daemon, and `peek`. Only reads the command line; everything else is in service.c
// and peek.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/program.h"
#include "ingest/peek.h"
#include "ingest/service.h"

#define ROLE          "cl_ingest" // unless the conninfo names another
#define PEEK_HITS_MAX 1000000000ULL

static int refuse(const char *what)
{
    fprintf(stderr, "clickledger-ingest: %s; see --help\n", what);
    return 2;
}

// Behind `peek`: [--count N].
static int peek(const struct ingest_settings *settings, int argc, char **argv)
{
    unsigned long long count = PEEK_HITS_MAX;
    char *end = NULL;

    if (argc != 0 && (argc != 2 || strcmp(argv[0], "--count") != 0))
        return refuse("peek takes --count N");
    if (argc == 2) {
        errno = 0;
        count = strtoull(argv[1], &end, 10);
        if (errno || argv[1][0] < '0' || argv[1][0] > '9' || *end || count > PEEK_HITS_MAX)
            return refuse("--count takes a number");
    }
    return peek_run(settings, count);
}

int main(int argc, char **argv)
{
    static struct ingest_settings settings;
    static const struct program program = {
        .name = "ingest",
        .usage = "[peek [--count N]]",
        .options = ingest_options,
        .config = &settings,
        .log = &settings.log,
    };
    struct program started = program;
    started.n_options = ingest_options_n;
    // `peek --config FILE ...` is `--config FILE peek ...`.
    if (argc > 3 && strcmp(argv[1], "peek") == 0 && strcmp(argv[2], "--config") == 0) {
        char *word = argv[1];
        argv[1] = argv[2];
        argv[2] = argv[3];
        argv[3] = word;
    }
    int next = program_start(&started, argc, argv);

    if (next < argc && strcmp(argv[next], "peek") == 0)
        return peek(&settings, argc - next - 1, argv + next + 1);
    if (next < argc)
        return refuse("unknown argument");
    if (setenv("PGUSER", ROLE, 0))
        return 1;
    return service_run(&settings);
}
