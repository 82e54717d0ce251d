#pragma once

// The sockets that visitors connect to: one per worker, all on one port.

#include <stdint.h>

#include "base/util.h"

// A bound socket with SO_REUSEPORT that does not listen yet, or a negative errno. `host` is a numeric
// address.
must_check int listen_bind(const char *host, uint16_t port);
