#pragma once

// The commands of a program that is a daemon without one: `clickledger-ingest peek --count 3`. Each is a row
// of a table; its arguments are read by base/arguments.h.

#include <stddef.h>

#include "base/program.h"

struct command {
    const char *name;
    const char *arguments;                                   // as --help shows them
    int (*run)(const void *settings, int argc, char **argv); // its arguments; the exit status
};

struct command_table {
    const struct command *commands;
    size_t n;
    int (*daemon)(const void *settings); // what runs when no command is named; the exit status
    const char *role;                    // PostgreSQL's, unless the conninfo or PGUSER name another
};

// The whole of main(): reads the command line and the settings (`program->usage` is set to the commands),
// runs, returns the exit status. `NAME --config FILE ...` is `--config FILE NAME ...`.
must_check int command_main(struct program *program, const struct command_table *table, int argc,
                            char **argv);
