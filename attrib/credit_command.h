#pragma once

// `clickledger-attrib credit`: credits of a period anew.

#include "base/util.h"

// Its arguments; the exit status.
must_check int credit_command(const void *settings, int argc, char **argv);
