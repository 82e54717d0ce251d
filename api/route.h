#pragma once

// What the API offers, as data: each route with its parameters and the SQL that answers it. The requests are
// checked by it, and /v1/openapi.json is made from it.

#include <stddef.h>
#include <stdint.h>

#include "base/http_request.h"

#define ROUTE_CAPTURES_MAX   2
#define ROUTE_FIELDS_MAX     16
#define ROUTE_BODY_BYTES_MAX 65536

enum field_place {
    FIELD_PATH,
    FIELD_QUERY,
    FIELD_BODY,
};

enum field_type {
    FIELD_WHOLE,  // integer, min..max
    FIELD_TEXT,   // min..max characters, none of them a control character
    FIELD_TOKEN,  // min..max of A-Z a-z 0-9 _ -
    FIELD_CODE,   // min..max of a-z 0-9 _ -, beginning with a letter or digit
    FIELD_HEX,    // min..max of 0-9 a-f
    FIELD_ZONE,   // name of an IANA time zone
    FIELD_CHOICE, // one of `choices`
    FIELD_TRUTH,  // true or false
    FIELD_TIME,   // ISO 8601 with zone, or unix seconds
    FIELD_MOMENT, // the same, or a day: YYYY-MM-DD
    FIELD_UUID,   // lower-case
    FIELD_TEXTS,  // a list of up to max texts; body only
    FIELD_MAP,    // an object of up to max members; body only
    FIELD_LIST,   // a list of up to max objects; body only
    FIELD_IDS,    // a list of min..max numbers of rows; body only
};

struct field {
    const char *name;
    enum field_place place;
    enum field_type type;
    bool needed;
    int64_t min, max;
    const char *choices; // "a|b|c"
    const char *help;
    bool clearable; // null takes the value away; elsewhere null counts as not given
};

// Who may ask. An owner is a manager and finance, too.
enum route_asker {
    ROUTE_OPEN, // nobody has to be known
    ROUTE_ANY,
    ROUTE_PARTNER,
    ROUTE_TEAM, // each role; analysts and viewers in a transaction that is read only
    ROUTE_MANAGER,
    ROUTE_FINANCE,
    ROUTE_OWNER,
    ROUTE_PARTNER_MANAGER, // either
    ROUTE_PARTNER_FINANCE,
    ROUTE_PARTNER_OWNER,
    ROUTE_PERSON, // a session, about itself or its person
};

struct route {
    enum http_method method;
    const char *path;     // "/v1/programs/{id}/terms"
    const char *function; // clickledger.<function>(jsonb): what the answer is made by
    const char *csv_sql;  // that makes a page of CSV of it: parameters, columns, whether names stand in front
    const char *sql;      // that calls it
    enum route_asker asker;
    unsigned status; // of success
    bool makes_key;  // the function needs the parameter `secret`
    const char *help;
    const struct field *fields;
    size_t n_fields;
    const char *csv;       // of a list: its columns in CSV, see csv_page(); NULL: it has no CSV
    const char *answer;    // of anything else in JSON: its members
    size_t body_bytes_max; // 0: ROUTE_BODY_BYTES_MAX
    bool answers_image;    // of the function's `media_type` and `content`
    bool takes_image;   // the body is an image; the function needs what api/image.h measures, and `content`
    bool takes_rows;    // the body is a file of rows, streamed: see api/upload.h
    const char *proves; // this field must be the password of who asks, or of the person with the given e-mail
    const char *hashes; // this field goes to the function as `password_hash`
    bool logs_in;       // the function begins a session; the answer sets its cookie
    bool logs_out;      // the answer takes the cookie away
    bool tells_csrf;    // the function needs the parameter `csrf`
};

// Of each route with CSV, beside its own.
extern const struct field route_format;

struct route_list {
    const struct route *rows;
    size_t n;
};

extern const struct route_list routes_person, routes_program, routes_money, routes_team; // in api/routes*.c

// All routes, one after another: NULL, first, ..., last, NULL.
const struct route *route_next(const struct route *route);

enum route_condition {
    ROUTE_UNKNOWN = 1, // no route has this path
    ROUTE_METHOD = 2,  // other methods have: see `allowed`
};

struct route_match {
    const struct route *route;
    struct slice captures[ROUTE_CAPTURES_MAX]; // as sent, in the order of the template
    unsigned allowed;                          // bit set of enum http_method
};

// HEAD finds the GET route. 0 or an enum route_condition.
must_check int route_find(enum http_method method, struct slice path, struct route_match *match);

const char *route_asker_name(enum route_asker asker); // as api_begin() takes it: "partner manager"

// Name of the n-th {capture} of the template.
struct slice route_capture_name(const struct route *route, size_t n);
