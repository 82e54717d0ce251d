#pragma once

// What the tables of routes are written with. A row is a route: what it is called, what it takes, what
// answers it, who may ask. Adding one means a row in a table and a function api_* in sql/; nothing else knows
// the routes. Lists are pages: see PAGE. Limits of texts are those of the tables in the database.

#include "api/route.h"

#define NAME_MAX  200
#define URL_MAX   2048
#define TOKEN_MAX 64
#define PAGE_MAX  500
#define ID_MAX    INT64_MAX
#define MINOR_MAX INT64_C(1000000000000000)
#define READ(name)                                                                                           \
    .function = name,                                                                                        \
    .csv_sql =                                                                                               \
        "select lines, next_cursor from clickledger.csv_page(clickledger." name "($1::jsonb), $2, $3)",      \
    .sql = "select clickledger." name "($1::jsonb)::text"
#define WRITE(name)  .function = name, .sql = "select clickledger.api_post($1, $2, $3::jsonb)"
#define FIELDS(list) .fields = list, .n_fields = array_length(list)

// clang-format off
#define ID      {"id", FIELD_PATH, FIELD_WHOLE, true, 1, ID_MAX, NULL, "number"}
#define PAGE    {"limit", FIELD_QUERY, FIELD_WHOLE, false, 1, PAGE_MAX, NULL, "items of the page; without it 50"}, \
                {"cursor", FIELD_QUERY, FIELD_HEX, false, 2, 100, NULL, "next_cursor of the page before"}
#define PROGRAM {"program_id", FIELD_QUERY, FIELD_WHOLE, false, 1, ID_MAX, NULL, "only of this programme"}
#define PARTNER {"partner_id", FIELD_QUERY, FIELD_WHOLE, false, 1, ID_MAX, NULL, "only of this partner"}
#define PARTNER_GROUP {"partner_group", FIELD_QUERY, FIELD_CODE, false, 1, 63, NULL, \
                       "only of partners that are now in this group of the programme; the team's"}
#define STATUS(choices) {"status", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, choices, "only with this status"}
#define OF_PROGRAM {"program_id", FIELD_BODY, FIELD_WHOLE, true, 1, ID_MAX, NULL, "the programme"}
#define OF_PARTNER {"partner_id", FIELD_BODY, FIELD_WHOLE, true, 1, ID_MAX, NULL, "the partner"}
#define NAME    {"name", FIELD_BODY, FIELD_TEXT, true, 1, NAME_MAX, NULL, "name shown to people"}
#define TARGET(needed) {"target_url", FIELD_BODY, FIELD_TEXT, needed, 1, URL_MAX, NULL, \
                        "where the visitor goes: http or https, no user info; may hold macros such as {sub1}"}
// clang-format on
