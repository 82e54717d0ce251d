// Finds the command and runs it. Owner: main, which gives the table. Limits: COMMAND_USAGE_BYTES of usage.

#include "base/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arguments.h"

#define COMMAND_USAGE_BYTES 2048

static const struct command *command_find(const struct command_table *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++) {
        if (strcmp(table->commands[i].name, name) == 0)
            return &table->commands[i];
    }
    return NULL;
}

// "[peek [--count N] | ...]"
static void usage_format(const struct command_table *table, char out[COMMAND_USAGE_BYTES])
{
    size_t at = 0;

    for (size_t i = 0; i < table->n; i++) {
        const struct command *command = &table->commands[i];
        at += (size_t)snprintf(out + at, COMMAND_USAGE_BYTES - at, "%s%s%s%s", i > 0 ? " |\n         " : "[",
                               command->name, command->arguments[0] ? " " : "", command->arguments);
    }
    snprintf(out + at, COMMAND_USAGE_BYTES - at, "]");
}

static void config_first(const struct command_table *table, int argc, char **argv)
{
    if (argc < 4 || !command_find(table, argv[1]) || strcmp(argv[2], "--config") != 0)
        return;
    char *word = argv[1];
    argv[1] = argv[2];
    argv[2] = argv[3];
    argv[3] = word;
}

int command_main(struct program *program, const struct command_table *table, int argc, char **argv)
{
    static char usage[COMMAND_USAGE_BYTES];

    usage_format(table, usage);
    program->usage = usage;
    config_first(table, argc, argv);
    int next = program_start(program, argc, argv);
    if (setenv("PGUSER", table->role, 0))
        return EXIT_FAILURE;
    if (next == argc)
        return table->daemon(program->config);
    const struct command *command = command_find(table, argv[next]);
    if (command)
        return command->run(program->config, argc - next - 1, argv + next + 1);
    fprintf(stderr, "%s: unknown argument %s; see --help\n", program_invocation_short_name, argv[next]);
    return ARGUMENTS_WRONG;
}
