#pragma once

// What a programme says about its visitors' cookies, and an integration about statuses and signatures: the
// extensions of their records.
//   programme: flags u8 (1: consent needed, 2: cookie for other sites), cookie domain, hosts (texts)
//   integration: statuses (a text that holds theirs, ours, ... as texts), secrets (texts)

#include "base/catalog.h"

#define CATALOG_SECRETS_MAX 2 // live at once, so that a shop can change from one to the other

struct catalog_visitor_policy {
    bool cookie;         // on this host one may be set
    bool consent_needed; // without the visitor's yes nothing is set or kept
    bool cross_site;     // the cookie is for pixels on pages of other sites too
    struct slice domain; // of the cookie; empty: the host alone
};

// For a visitor who asked for `host` ("name[:port]", any case). A programme without a list of hosts sets
// cookies wherever the tracker answers, if it sets any.
struct catalog_visitor_policy catalog_visitor_policy(const struct catalog_program *program,
                                                     struct slice host);

// Our word (pending, approved, declined, refunded, ignore) for a status of this shop in any case, or
// SLICE_NONE.
struct slice catalog_integration_status(const struct catalog_integration *integration, struct slice status);

// Takes the first of the secrets off the list, SLICE_NONE when none is left.
struct slice catalog_secret_next(struct slice *secrets);

// For base/catalog.c: are these well-formed extensions, or empty?
bool catalog_visitor_valid(struct slice extension);
bool catalog_integration_extend(struct catalog_integration *integration, struct slice extension);
