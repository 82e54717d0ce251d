// Routes of people: who they are, sessions, passwords, keys. See api/route_fields.h.

#include "api/route_fields.h"

#define EMAIL_MAX    254
#define PASSWORD_MIN 10
#define PASSWORD_MAX 128

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
#define JOIN_CODE(place) {"code", place, FIELD_CODE, true, 1, 63, NULL, "of the programme"}
#define APPLICATION {"site", FIELD_BODY, FIELD_TEXT, false, 1, URL_MAX, NULL, "where the partner advertises"}, \
                    {"message", FIELD_BODY, FIELD_TEXT, false, 1, 2000, NULL, "for the team"}, \
                    {"terms_id", FIELD_BODY, FIELD_WHOLE, true, 1, ID_MAX, NULL, "of the offer that is accepted"}, \
                    {"terms_version", FIELD_BODY, FIELD_WHOLE, true, 1, INT32_MAX, NULL, "exactly this version"}
static const struct field join_fields[] = {
    JOIN_CODE(FIELD_PATH),
    {"lang", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "en|ru", "of the offer's text; without it en"},
};
static const struct field join_apply_fields[] = {
    JOIN_CODE(FIELD_PATH), NAME, EMAIL, NEW_PASSWORD("password"), LANGUAGE, APPLICATION,
};
static const struct field application_fields[] = {JOIN_CODE(FIELD_BODY), APPLICATION};
static const struct field applications_fields[] = {STATUS("pending|approved|declined"), PROGRAM, PARTNER, PAGE};
static const struct field application_decline_fields[] = {
    ID, {"reason", FIELD_BODY, FIELD_TEXT, true, 1, 500, NULL, "why; the partner reads it"},
};
static const struct field admission_fields[] = {
    ID,
    {"is_open", FIELD_BODY, FIELD_TRUTH, false, 0, 0, NULL, "whether applications are taken; at first false"},
    {"approval", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "manual|known|everybody",
     "who is approved at once: nobody, partners that are active already, or everybody"},
    {"daily_max", FIELD_BODY, FIELD_WHOLE, false, 0, 100000, NULL, "how many are approved at once within 24 hours"},
    {"target_url", FIELD_BODY, FIELD_TEXT, false, 1, URL_MAX, NULL,
     "where a partner's first link and code lead; without it to the programme's first host", true},
};

// Members of what answers show, in the order of CSV.
#define SHAPE_ME \
    "kind,role,partner,person,first_key_due,tracker_url,unread,csrf"
#define SHAPE_PERSON \
    "id,email,name,language,partner_id,role,has_password,created_at,disabled_at"
#define SHAPE_KEY \
    "id,kind,partner_id,name,role,prefix,is_waiting,created_at,expires_at,revoked_at"
#define SHAPE_APPLIED \
    "id,program_id,program,partner_id,partner,terms_id,terms_version,site,message,status,reason,created_at," \
    "decided_at,is_automatic"
#define SHAPE_ADMISSION \
    "program_id,is_open,approval,daily_max,target_url,path"

static const struct route rows[] = {
    {HTTP_POST, "/v1/login", WRITE("api_login"), ROUTE_OPEN, 201, false,
     "Begins a session and sets its cookie.", FIELDS(login_fields), .proves = "password", .logs_in = true,
     .answer = SHAPE_ME},
    {HTTP_POST, "/v1/logout", WRITE("api_logout"), ROUTE_PERSON, 200, false,
     "Ends the session.", .logs_out = true,
     .answer = "status"},
    {HTTP_GET, "/v1/me", READ("api_me"), ROUTE_ANY, 200, false,
     "Whose key or session this is.", .tells_csrf = true,
     .answer = SHAPE_ME},
    {HTTP_PATCH, "/v1/me", READ("api_me_change"), ROUTE_PERSON, 200, false,
     "Changes name and language of who asks; what is not given stays.", FIELDS(me_fields),
     .answer = SHAPE_PERSON},
    {HTTP_POST, "/v1/password", WRITE("api_password_change"), ROUTE_PERSON, 201, false,
     "Changes the password; all sessions end, and a new one begins.", FIELDS(password_fields),
     .proves = "old", .hashes = "new", .logs_in = true,
     .answer = SHAPE_ME},
    {HTTP_POST, "/v1/password/reset", WRITE("api_password_reset"), ROUTE_OPEN, 202, false,
     "Sends a token to the address, if a person has it.", FIELDS(password_reset_fields),
     .answer = "status"},
    {HTTP_POST, "/v1/password/new", WRITE("api_password_new"), ROUTE_OPEN, 201, false,
     "Sets a password by the token of an invitation or reset, and begins a session.", FIELDS(password_new_fields),
     .hashes = "password", .logs_in = true,
     .answer = SHAPE_ME},
    {HTTP_GET, "/v1/sessions", READ("api_sessions"), ROUTE_PERSON, 200, false,
     "Where the person who asks is logged in.", FIELDS(page_fields),
     .csv = "id,agent,created_at,expires_at,is_this"},
    {HTTP_POST, "/v1/sessions/{id}/revoke", WRITE("api_session_revoke"), ROUTE_PERSON, 200, false,
     "Ends a session of the person who asks.", FIELDS(id_fields),
     .answer = "id,status"},
    {HTTP_GET, "/v1/people", READ("api_people"), ROUTE_ANY, 200, false,
     "People who log in.", FIELDS(people_fields),
     .csv = SHAPE_PERSON},
    {HTTP_POST, "/v1/people", WRITE("api_person_create"), ROUTE_PARTNER_OWNER, 201, true,
     "Invites a person; the token that sets its password is shown once.", FIELDS(person_fields),
     .answer = SHAPE_PERSON ",token"},
    {HTTP_PATCH, "/v1/people/{id}", READ("api_person_change"), ROUTE_PARTNER_OWNER, 200, false,
     "Changes a person; what is not given stays.", FIELDS(person_change_fields),
     .answer = SHAPE_PERSON},
    {HTTP_GET, "/v1/keys", READ("api_keys"), ROUTE_PARTNER_OWNER, 200, false,
     "API keys, without themselves.", FIELDS(keys_fields),
     .csv = SHAPE_KEY},
    {HTTP_POST, "/v1/keys", WRITE("api_key_make"), ROUTE_PARTNER_OWNER, 201, true,
     "Makes an API key of who asks, or of the team; it is shown once.", FIELDS(key_fields),
     .answer = SHAPE_KEY ",key"},
    {HTTP_POST, "/v1/keys/{id}/show", WRITE("api_key_show"), ROUTE_PARTNER, 200, true,
     "Shows the partner's first API key, which was made when it became active; once.", FIELDS(id_fields),
     .answer = SHAPE_KEY ",key"},
    {HTTP_POST, "/v1/keys/{id}/revoke", WRITE("api_key_revoke"), ROUTE_PARTNER_OWNER, 200, false,
     "Revokes an API key.", FIELDS(id_fields),
     .answer = SHAPE_KEY},
    {HTTP_GET, "/v1/join/{code}", READ("api_join"), ROUTE_OPEN, 200, false,
     "A programme that takes applications, and its offer in force.", FIELDS(join_fields),
     .answer = "program,terms"},
    {HTTP_POST, "/v1/join/{code}", WRITE("api_join_apply"), ROUTE_OPEN, 202, false,
     "Registers a partner, which accepts exactly this version of the offer.", FIELDS(join_apply_fields),
     .hashes = "password",
     .answer = "status"},
    {HTTP_GET, "/v1/applications", READ("api_applications"), ROUTE_ANY, 200, false,
     "Applications for programmes.", FIELDS(applications_fields),
     .csv = SHAPE_APPLIED},
    {HTTP_POST, "/v1/applications", WRITE("api_application_create"), ROUTE_PARTNER, 201, false,
     "Applies for a further programme.", FIELDS(application_fields),
     .answer = SHAPE_APPLIED},
    {HTTP_POST, "/v1/applications/{id}/approve", WRITE("api_application_approve"), ROUTE_MANAGER, 200, false,
     "Approves; the partner becomes active and gets its first link and promo code.", FIELDS(id_fields),
     .answer = SHAPE_APPLIED},
    {HTTP_POST, "/v1/applications/{id}/decline", WRITE("api_application_decline"), ROUTE_MANAGER, 200, false,
     "Declines, with a reason.", FIELDS(application_decline_fields),
     .answer = SHAPE_APPLIED},
    {HTTP_GET, "/v1/programs/{id}/admission", READ("api_admission"), ROUTE_TEAM, 200, false,
     "Whether a programme takes applications, and who is approved at once.", FIELDS(id_fields),
     .answer = SHAPE_ADMISSION},
    {HTTP_PATCH, "/v1/programs/{id}/admission", READ("api_admission_change"), ROUTE_MANAGER, 200, false,
     "Changes it; what is not given stays.", FIELDS(admission_fields),
     .answer = SHAPE_ADMISSION},
};
// clang-format on

const struct route_list routes_person = {rows, array_length(rows)};
