#pragma once

// Commands and addresses as text, for the files of the door alone.

#include <stddef.h>

#include "base/slice.h"
#include "base/util.h"

#define REDIS_ADDRESS_MAX 256

struct redis_command {
    char *bytes; // free() it at the end
    size_t len, room;
};

struct redis_address {
    char host[REDIS_ADDRESS_MAX]; // or the path of a socket
    int port;                     // 0: a socket
};

// Replaces the command. 0 or -ENOMEM.
must_check int redis_command_format(struct redis_command *command, const struct slice args[], size_t n);

// "/path", "host:port", "[v6]:port". 0 or -EINVAL.
must_check int redis_address_parse(const char *text, struct redis_address *address);

// The enum redis_condition of an error reply's text.
int redis_error_class(struct slice text);
