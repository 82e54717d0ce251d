#pragma once

// Settings of clickledger-attrib.

#include "base/settings.h"

struct attrib_config {
    struct log_settings log;
    struct postgres_settings postgres;
    char admin_host[64];
    int64_t admin_port;
    char seal_heads[256];
};
