#pragma once

// The process above the workers: starts them, keeps them running, follows the catalog, answers the admin
// port.

#include "base/click_id.h"
#include "tracker/address.h"
#include "tracker/options.h"

// Runs until SIGTERM or SIGINT and all workers have ended. 0, or a negative errno when it could not start;
// what went wrong is logged.
must_check int supervisor_run(const struct tracker_config *config, const struct click_id_keys *keys,
                              const struct address_proxies *proxies);
