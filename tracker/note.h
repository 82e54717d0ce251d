#pragma once

// A hit in the making: what every request says about itself, its class, its id.

#include "base/catalog_policy.h"
#include "tracker/context.h"
#include "tracker/facts.h"
#include "tracker/params.h"
#include "tracker/visitor.h"

#define NOTE_HOST_MAX       255 // bytes
#define NOTE_PATH_MAX       256
#define NOTE_USER_AGENT_MAX 512
#define NOTE_REFERRER_MAX   1024
#define NOTE_FOLLOW_MS_MAX  1000 // clocks of two trackers that differ more are not ours to mend

struct note {
    struct hit hit; // its fields point into this note, the request, the catalog and the scratch
    struct heads heads;
    struct facts facts;
    struct in6_addr address; // as it is kept
    uint8_t address_hash[ADDRESS_HASH_BYTES];
    struct catalog_visitor_policy visitor_policy;
    enum consent consent;
    bool visitor_refused, visitor_came; // says no; has a cookie of ours
    uint8_t asn[VARINT_BYTES_MAX];      // as HIT_ASN
    uint8_t visitor[CLICK_ID_BYTES];
    uint8_t click_id[CLICK_ID_BYTES]; // that a page reported
    char id_text[CLICK_ID_TEXT_BYTES];
    char cookie[VISITOR_COOKIE_BYTES_MAX];
};

// path: the part of the request's path that names link, code or programme; SLICE_NONE to keep none.
void note_start(struct note *note, struct context *context, const struct http_request *request,
                enum hit_kind kind, struct slice path);

struct slice note_id(const struct note *note); // as text

// Draws the id anew if its time is not behind that of the click which the report names: a report follows its
// click, also within one millisecond and when another tracker's clock is a little ahead. An id that we did
// not issue, or that is further ahead of our clock, is not followed: who reports does not set our time.
void note_follow(struct note *note, struct context *context);

// What was a person's becomes invalid for this reason; a bot stays a bot.
void note_invalidate(struct note *note, enum hit_reason reason);

// Keeps the click id that a page reported, if it looks like one; it is not checked.
void note_reported_click(struct note *note, struct slice click_id);

// Notes the visitor whose cookie came along, unless he refuses to be known: by Sec-GPC, by consent=0, or by
// saying nothing where the programme asks first. program NULL: none is known.
void note_visitor(struct note *note, struct context *context, const struct http_request *request,
                  const struct catalog_program *program, enum consent consent);

// After note_visitor(): the value of Set-Cookie where the programme lets visitors be known on this host and
// this one is a person who does not refuse; such a visitor is noted. Who takes his consent back loses his
// cookie. Else SLICE_NONE.
struct slice note_visitor_cookie(struct note *note, struct context *context,
                                 const struct http_request *request);
