// Routes of people: who they are, sessions, passwords, keys. See api/route_fields.h.

#include "api/route_fields.h"

#define EMAIL_MAX            254
#define PASSWORD_MIN         10
#define PASSWORD_MAX         128

// clang-format off
#define ROLES   "owner|manager|finance|analyst|viewer"
#define ROLE    {"role", FIELD_BODY, FIELD_CHOICE, false, 0, 0, ROLES, "in the team"}
#define EMAIL   {"email", FIELD_BODY, FIELD_TEXT, true, 3, EMAIL_MAX, NULL, "compared without case"}
#define LANGUAGE {"language", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "en|ru", "of what the person is told"}
#define OTHER_NAME {"name", FIELD_BODY, FIELD_TEXT, false, 1, NAME_MAX, NULL, "name shown to people"}
#define NEW_PASSWORD(name) {name, FIELD_BODY, FIELD_TEXT, true, PASSWORD_MIN, PASSWORD_MAX, NULL, "the new password"}

static const struct field id_fields[] = {ID};
static const struct field login_fields[] = {
    EMAIL,
    {"password", FIELD_BODY, FIELD_TEXT, true, 1, PASSWORD_MAX, NULL, "the person's"},
};
static const struct field me_fields[] = {OTHER_NAME, LANGUAGE};
static const struct field people_fields[] = {
    PARTNER, {"role", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, ROLES, "only with this role"}, PAGE,
};
static const struct field person_fields[] = {
    EMAIL, NAME, LANGUAGE, ROLE,
    {"partner_id", FIELD_BODY, FIELD_WHOLE, false, 1, ID_MAX, NULL, "of which partner; the team says it or role"},
};
static const struct field person_change_fields[] = {
    ID, OTHER_NAME, LANGUAGE, ROLE,
    {"disabled", FIELD_BODY, FIELD_TRUTH, false, 0, 0, NULL, "whether it may not log in"},
};
static const struct field password_fields[] = {
    {"old", FIELD_BODY, FIELD_TEXT, true, 1, PASSWORD_MAX, NULL, "the password up to now"},
    NEW_PASSWORD("new"),
};
static const struct field password_reset_fields[] = {EMAIL};
static const struct field page_fields[] = {PAGE};
static const struct field keys_fields[] = {
    PARTNER, {"kind", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "team|partner", "only of this kind"}, PAGE,
};
static const struct field key_fields[] = {
    NAME, ROLE,
    {"expires_at", FIELD_BODY, FIELD_TIME, false, 0, 0, NULL, "from when on it does not work; without it never"},
};
static const struct field password_new_fields[] = {
    {"token", FIELD_BODY, FIELD_TOKEN, true, 20, TOKEN_MAX, NULL, "of the invitation or reset; works once"},
    NEW_PASSWORD("password"),
};

static const struct route rows[] = {
    {HTTP_POST, "/v1/login", WRITE("api_login"), ROUTE_OPEN, 201, false,
     "Begins a session and sets its cookie.", FIELDS(login_fields), .proves = "password", .logs_in = true},
    {HTTP_POST, "/v1/logout", WRITE("api_logout"), ROUTE_PERSON, 200, false,
     "Ends the session.", .logs_out = true},
    {HTTP_GET, "/v1/me", READ("api_me"), ROUTE_ANY, 200, false,
     "Whose key or session this is.", .tells_csrf = true},
    {HTTP_PATCH, "/v1/me", READ("api_me_change"), ROUTE_PERSON, 200, false,
     "Changes name and language of who asks; what is not given stays.", FIELDS(me_fields)},
    {HTTP_POST, "/v1/password", WRITE("api_password_change"), ROUTE_PERSON, 201, false,
     "Changes the password; all sessions end, and a new one begins.", FIELDS(password_fields),
     .proves = "old", .hashes = "new", .logs_in = true},
    {HTTP_POST, "/v1/password/reset", WRITE("api_password_reset"), ROUTE_OPEN, 202, false,
     "Sends a token to the address, if a person has it.", FIELDS(password_reset_fields)},
    {HTTP_POST, "/v1/password/new", WRITE("api_password_new"), ROUTE_OPEN, 201, false,
     "Sets a password by the token of an invitation or reset, and begins a session.", FIELDS(password_new_fields),
     .hashes = "password", .logs_in = true},
    {HTTP_GET, "/v1/sessions", READ("api_sessions"), ROUTE_PERSON, 200, false,
     "Where the person who asks is logged in.", FIELDS(page_fields)},
    {HTTP_POST, "/v1/sessions/{id}/revoke", WRITE("api_session_revoke"), ROUTE_PERSON, 200, false,
     "Ends a session of the person who asks.", FIELDS(id_fields)},
    {HTTP_GET, "/v1/people", READ("api_people"), ROUTE_ANY, 200, false,
     "People who log in.", FIELDS(people_fields)},
    {HTTP_POST, "/v1/people", WRITE("api_person_create"), ROUTE_PARTNER_OWNER, 201, true,
     "Invites a person; the token that sets its password is shown once.", FIELDS(person_fields)},
    {HTTP_PATCH, "/v1/people/{id}", READ("api_person_change"), ROUTE_PARTNER_OWNER, 200, false,
     "Changes a person; what is not given stays.", FIELDS(person_change_fields)},
    {HTTP_GET, "/v1/keys", READ("api_keys"), ROUTE_PARTNER_OWNER, 200, false,
     "API keys, without themselves.", FIELDS(keys_fields)},
    {HTTP_POST, "/v1/keys", WRITE("api_key_make"), ROUTE_PARTNER_OWNER, 201, true,
     "Makes an API key of who asks, or of the team; it is shown once.", FIELDS(key_fields)},
    {HTTP_POST, "/v1/keys/{id}/revoke", WRITE("api_key_revoke"), ROUTE_PARTNER_OWNER, 200, false,
     "Revokes an API key.", FIELDS(id_fields)},
};
// clang-format on

const struct route_list routes_person = {rows, array_length(rows)};
