#pragma once

// The process above the workers: starts them, keeps them running, follows the catalog, answers the admin
// port.

#include "tracker/settings.h"
#include "tracker/takeover.h"

// Runs until SIGTERM or SIGINT and all workers have ended. 0, or a negative errno when it could not start;
// what went wrong is logged. SIGHUP reads the settings of `program` again; SIGUSR2 starts the program that
// stands at its path now and hands everything over to it.
must_check int supervisor_run(const struct program *program, struct settings *settings, char *const argv[],
                              const struct takeover *takeover);
