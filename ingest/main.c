// clickledger-ingest: the daemon, and its commands. Only reads the command line; each command's work is in a
// file of its own.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/program.h"
#include "ingest/arguments.h"
#include "ingest/peek.h"
#include "ingest/service.h"

#define ROLE          "cl_ingest" // unless the conninfo names another
#define PEEK_HITS_MAX 1000000000
#define USAGE_BYTES   2048

// What may stand behind the program's name in place of nothing, which is the daemon.
struct command {
    const char *name;
    const char *arguments;                                                     // as --help shows them
    int (*run)(const struct ingest_settings *settings, int argc, char **argv); // arguments; the exit status
};

static int peek_command(const struct ingest_settings *settings, int argc, char **argv)
{
    int64_t count = PEEK_HITS_MAX;
    const struct argument arguments[] = {argument_number("--count", &count, 0, PEEK_HITS_MAX)};

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    return peek_run(settings, (uint64_t)count);
}

static const struct command commands[] = {
    {"peek", "[--count N]", peek_command},
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < array_length(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

// "[peek [--count N] | ...]"
static void usage_format(char out[USAGE_BYTES])
{
    size_t at = 0;

    for (size_t i = 0; i < array_length(commands); i++)
        at += (size_t)snprintf(out + at, USAGE_BYTES - at, "%s%s %s", i > 0 ? " |\n         " : "[",
                               commands[i].name, commands[i].arguments);
    snprintf(out + at, USAGE_BYTES - at, "]");
}

// `peek --config FILE ...` is `--config FILE peek ...`.
static void config_first(int argc, char **argv)
{
    if (argc < 4 || !command_find(argv[1]) || strcmp(argv[2], "--config") != 0)
        return;
    char *word = argv[1];
    argv[1] = argv[2];
    argv[2] = argv[3];
    argv[3] = word;
}

int main(int argc, char **argv)
{
    static struct ingest_settings settings;
    char usage[USAGE_BYTES];
    struct program program = {
        .name = "ingest",
        .usage = usage,
        .options = ingest_options,
        .n_options = ingest_options_n,
        .config = &settings,
        .log = &settings.log,
    };

    usage_format(usage);
    config_first(argc, argv);
    int next = program_start(&program, argc, argv);
    if (setenv("PGUSER", ROLE, 0))
        return 1;
    if (next == argc)
        return service_run(&settings);
    const struct command *command = command_find(argv[next]);
    if (command)
        return command->run(&settings, argc - next - 1, argv + next + 1);
    fprintf(stderr, "clickledger-ingest: unknown argument %s; see --help\n", argv[next]);
    return ARGUMENTS_WRONG;
}
