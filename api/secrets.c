// Passwords and new sessions of a request. Owner: the asking. Invariant: no password reaches the database,
// its log or ours.

#include "api/secrets.h"

#include <stdlib.h>

#include <sodium.h>

#include "base/http_char.h"
#include "base/utf8.h"

#define AGENT_BYTES_MAX 200 // of a User-Agent, as people see it in the list of their sessions

// A new session: what its token is made of, whose browser it is, and which one it takes the place of.
static bool add_session(const struct http_request *request, struct secrets *secrets, struct json *params)
{
    char secret[KEY_SECRET_BYTES], csrf[SESSION_CSRF_BYTES], old_hash[KEY_PARAM_BYTES],
        agent[AGENT_BYTES_MAX];
    uint8_t hash[KEY_HASH_BYTES];
    struct slice old, sent = http_request_header(request, SLICE("User-Agent"));
    size_t agent_len = utf8_sanitize(sent, agent, sizeof(agent));
    key_secret(SLICE_NONE, NULL, SLICE_NONE, secret);
    session_token(secret, secrets->token);
    session_csrf(slice_of(secrets->token), csrf);
    bool whole = json_put_text(params, "secret", slice_of(secret)) &&
                 json_put_text(params, "csrf", slice_of(csrf)) &&
                 json_put_text(params, "agent", (struct slice){agent, agent_len});
    sodium_memzero(secret, sizeof(secret));
    if (whole && session_from_request(request, &old) == 0) {
        key_hash(old, hash);
        key_hash_param(hash, old_hash);
        whole = json_put_text(params, "session_hash", slice_of(old_hash + 2)); // without "\\x"
    }
    return whole;
}

// Moves a password from the parameters, which go to the database, to where it is worked with.
static size_t take_password(struct json *params, const char *name, char out[PASSWORD_BYTES_MAX])
{
    struct slice text = json_text_of(json_get(params, name));
    size_t len = min_of(text.len, (size_t)PASSWORD_BYTES_MAX);
    memcpy(out, text.data, len);
    json_drop(params, name);
    return len;
}

// Accounts are told apart by what is tried: an e-mail address, or the session that wants to prove itself.
static void name_account(struct secrets *secrets, const uint8_t asker_hash[KEY_HASH_BYTES],
                         const struct json *params)
{
    const struct json *email = json_get(params, "email");
    struct slice name =
        email ? json_text_of(email) : (struct slice){(const char *)asker_hash, KEY_HASH_BYTES};
    secrets->account_len = min_of(name.len, sizeof(secrets->account));
    for (size_t i = 0; i < secrets->account_len; i++)
        secrets->account[i] = email ? http_char_lower(name.data[i]) : name.data[i];
}

struct secrets *secrets_new(const struct route *route, const struct http_request *request,
                            const uint8_t asker_hash[KEY_HASH_BYTES], struct json *params)
{
    struct secrets *secrets = calloc(1, sizeof(*secrets));
    if (!secrets)
        return NULL;
    if (route->proves) {
        name_account(secrets, asker_hash, params);
        secrets->given_len = take_password(params, route->proves, secrets->given);
    }
    if (route->hashes)
        secrets->fresh_len = take_password(params, route->hashes, secrets->fresh);
    secrets->params = json_share(params);
    return !route->logs_in || add_session(request, secrets, params) ? secrets : secrets_free(secrets);
}

struct secrets *secrets_free(struct secrets *secrets)
{
    if (!secrets)
        return NULL;
    json_free(secrets->params);
    sodium_memzero(secrets, sizeof(*secrets));
    free(secrets);
    return NULL;
}
