#pragma once

// /metrics and /healthz for operators, on a listener of their own: what they tell is not for the callers of
// the API.

#include "api/service.h"

// Takes the service, which must outlive the server. NULL with errno.
struct http_server *admin_new(struct event_base *base, const struct service *service);
