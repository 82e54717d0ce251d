#pragma once

// The daemon: attributes as soon as there is work, until it is told to stop.

#include "attrib/config.h"

// Returns the program's exit status.
int daemon_run(const struct attrib_config *config);
