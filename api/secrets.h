#pragma once

// What a request that has to do with passwords or begins a session keeps beside its parameters, which go to
// the database. Pure but for randomness.

#include "api/guard.h"
#include "api/password.h"
#include "api/route.h"
#include "api/session.h"
#include "base/json.h"

struct secrets {
    char given[PASSWORD_BYTES_MAX], fresh[PASSWORD_BYTES_MAX]; // see struct password_work
    size_t given_len, fresh_len;
    char account[GUARD_ACCOUNT_BYTES_MAX]; // whose password is tried: e-mail address, or hash of the session
    size_t account_len;
    char token[SESSION_TOKEN_BYTES]; // of the session that begins
    struct json *params;             // until the function is called
};

// Takes the passwords out of the parameters and puts in what the route's function needs for a new session.
// NULL: no memory. Wiped when freed.
struct secrets *secrets_new(const struct route *route, const struct http_request *request,
                            const uint8_t asker_hash[KEY_HASH_BYTES], struct json *params);
struct secrets *secrets_free(struct secrets *secrets);
