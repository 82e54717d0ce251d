#pragma once

// What the api tells on /healthz and /metrics.

#include "api/service.h"
#include "base/admin.h"

// Of a service with pool and server, which must outlive what is served from it.
struct admin_source admin_source_of(const struct service *service);
