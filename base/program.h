#pragma once

// What every program does around its own work: command line, settings, log, signals, readiness.
//   [--config FILE] [its own arguments] | --describe-config | --version | --help

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/settings.h"
#include "base/util.h"

struct program {
    const char *name;                    // "tracker": in the log; the binary is clickledger-tracker
    const char *usage;                   // its own arguments for --help, "" when there are none
    const struct config_option *options; // its table
    size_t n_options;
    void *config;                   // is filled
    const struct log_settings *log; // inside config
};

// Reads the command line and the settings, opens the log, ignores SIGPIPE, raises the soft limit of
// descriptors to the hard one. From then on a crash leaves no core and nobody but root looks into its memory,
// which holds passwords, keys and what visitors sent. Returns the index in argv of the program's own first
// argument, argc when there is none. Exits by itself: 0 after --help and the like, 2 after a mistake.
int program_start(const struct program *program, int argc, char **argv);

// How many of `wanted` connections the limit of descriptors allows, beside what else a program opens; at
// least 1.
unsigned program_connections(unsigned wanted);

// Reads the same settings again, into *config; those of the running program stay as they are. 0, or
// CONFIG_WRONG or a negative errno with `error`: a mistake, or a change of an option that needs a restart.
must_check int program_settings_reread(const struct program *program, void *config, char *error,
                                       size_t error_bytes);

// Blocks SIGTERM and SIGINT and returns a descriptor that is readable when one has come, or a negative errno.
// Call before threads are made; a forked worker makes its own.
must_check int program_stop_fd(void);
bool program_stop_requested(int stop_fd); // does not wait; stays true

// Tells systemd something (Type=notify), when it asks: "MAINPID=7".
void program_notify(const char *message);

// Logs "program.ready" and tells systemd (Type=notify), when it asks.
void program_ready(void);
