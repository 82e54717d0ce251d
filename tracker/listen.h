#pragma once

// The sockets that visitors connect to: one per worker, all on one port.

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

// A bound socket that does not listen yet, or a negative errno. `host` is a numeric address. shared: others
// of us may be bound to the port as well (SO_REUSEPORT).
must_check int listen_bind(const char *host, uint16_t port, bool shared);

// Whether it is a stream socket bound to this address and port.
bool listen_is_bound(int fd, const char *host, uint16_t port);
