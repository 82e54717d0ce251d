// Routes of programmes, partners and conversions. See api/route_fields.h.

#include "api/route_fields.h"

#define RULES_MAX            32
#define COMMISSION_RULES_MAX 200

// clang-format off
#define OWN_PARTNER {"partner_id", FIELD_BODY, FIELD_WHOLE, false, 1, ID_MAX, NULL, \
                     "the partner; needed of the team, of a partner it is itself"}
#define PARAMETERS {"parameters", FIELD_BODY, FIELD_MAP, false, 0, 16, NULL, \
                    "sub1 to sub10, utm_* and erid of the URL that is given out; given as a whole"}
#define ONE_LINK {"link_id", FIELD_QUERY, FIELD_WHOLE, false, 1, ID_MAX, NULL, "only of this link"}
#define LINK_NAME {"name", FIELD_BODY, FIELD_TEXT, false, 1, NAME_MAX, NULL, "the partner's own name for it", true}
#define LIMITS  {"starts_at", FIELD_BODY, FIELD_TIME, false, 0, 0, NULL, "from when on it leads there", true}, \
                {"expires_at", FIELD_BODY, FIELD_TIME, false, 0, 0, NULL, "from when on it does not any more", true}, \
                {"click_cap", FIELD_BODY, FIELD_WHOLE, false, 1, ID_MAX, NULL, \
                 "how many clicks of people it may have", true}, \
                {"fallback_url", FIELD_BODY, FIELD_TEXT, false, 1, URL_MAX, NULL, \
                 "where visitors go whose clicks it does not take; without it the programme's", true}, \
                {"rules", FIELD_BODY, FIELD_LIST, false, 0, RULES_MAX, NULL, \
                 "objects with conditions and targets; the first that matches says where the visitor goes"}

#define VISITOR {"visitor_cookie", FIELD_BODY, FIELD_TRUTH, false, 0, 0, NULL, \
                 "whether the tracker sets a visitor cookie; at first false"}, \
                {"cookie_hosts", FIELD_BODY, FIELD_TEXTS, false, 0, 100, NULL, \
                 "hosts of the tracker on the shop's own site, the only ones that set it; empty: all"}, \
                {"cookie_domain", FIELD_BODY, FIELD_TEXT, false, 0, 253, NULL, \
                 "parent of all cookie_hosts whose cookie it is; empty: the host's alone"}, \
                {"cookie_cross_site", FIELD_BODY, FIELD_TRUTH, false, 0, 0, NULL, \
                 "whether it is sent with pixels on pages of other sites (SameSite=None)"}, \
                {"consent_required", FIELD_BODY, FIELD_TRUTH, false, 0, 0, NULL, \
                 "whether a visitor is known only after saying yes (consent=1)"}
#define REPEATS {"duplicate_window_seconds", FIELD_BODY, FIELD_WHOLE, false, 0, 86400, NULL, \
                 "within which a click behind another one of the same visitor or address on the same link is a " \
                 "duplicate; at first 60, 0: none is"}
#define WORDS   {"aliases", FIELD_BODY, FIELD_MAP, false, 0, 40, NULL, "the shop's parameter names -> ours"}, \
                {"statuses", FIELD_BODY, FIELD_MAP, false, 0, 100, NULL, \
                 "the shop's status words -> pending, approved, declined, refunded or ignore"}

// A new version of terms.
#define TERMS \
    ID, \
    {"partner_id", FIELD_BODY, FIELD_WHOLE, false, 1, ID_MAX, NULL, \
     "for this partner; without it for all without terms of their own"}, \
    {"effective_from", FIELD_BODY, FIELD_TIME, false, 0, 0, NULL, "in force from then on; without it from now on"}, \
    {"commission_kind", FIELD_BODY, FIELD_CHOICE, true, 0, 0, "percent|fixed", "of the amount, or per conversion"}, \
    {"rate_ppm", FIELD_BODY, FIELD_WHOLE, false, 0, 1000000, NULL, "for percent: parts per million, 100000 is 10 %"}, \
    {"fixed_minor", FIELD_BODY, FIELD_WHOLE, false, 0, MINOR_MAX, NULL, \
     "for fixed: minor units of the programme's currency"}, \
    {"hold_days", FIELD_BODY, FIELD_WHOLE, false, 0, 3650, NULL, \
     "days during which a commission stays pending; without it 0"}, \
    {"window_days", FIELD_BODY, FIELD_WHOLE, false, 1, 365, NULL, "days during which a touch counts; without it 30"}, \
    {"precedence", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "code_over_click|last_touch", "without it code_over_click"}, \
    {"needs_acceptance", FIELD_BODY, FIELD_TRUTH, false, 0, 0, NULL, \
     "in force for a partner only once it has accepted them; without it as terms-policy says"}, \
    {"rules", FIELD_BODY, FIELD_LIST, false, 0, COMMISSION_RULES_MAX, NULL, \
     "who is paid how much for what; the most specific rule that matches pays, else the rate above"}

const struct field route_format = {"format", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "json|csv",
                                   "csv: the whole list, which has no cursor and no limit; without it json"};

static const struct field id_fields[] = {ID};
static const struct field name_fields[] = {ID, NAME};
static const struct field programs_fields[] = {STATUS("active|paused"), PAGE};
static const struct field program_fields[] = {
    {"code", FIELD_BODY, FIELD_CODE, true, 1, 63, NULL, "short name used in tracker paths"},
    NAME,
    {"currency", FIELD_BODY, FIELD_TOKEN, true, 3, 3, NULL, "ISO 4217 code; all money of the programme is in it"},
    {"time_zone", FIELD_BODY, FIELD_ZONE, false, 1, TOKEN_MAX, NULL,
     "in which days and months begin; without it UTC"},
    {"fallback_url", FIELD_BODY, FIELD_TEXT, false, 1, URL_MAX, NULL, "where visitors of inactive links go"},
    {"hosts", FIELD_BODY, FIELD_TEXTS, false, 0, 100, NULL, "host names that deep links may lead to"},
    VISITOR,
    REPEATS,
};
static const struct field program_change_fields[] = {
    ID,
    {"fallback_url", FIELD_BODY, FIELD_TEXT, false, 1, URL_MAX, NULL, "where visitors of inactive links go"},
    {"hosts", FIELD_BODY, FIELD_TEXTS, false, 0, 100, NULL, "host names that deep links may lead to"},
    VISITOR,
    REPEATS,
    {"status", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "active|paused", "links of a paused one lead to the fallback"},
};
static const struct field terms_fields[] = {ID, PARTNER, PAGE};
static const struct field terms_new_fields[] = {TERMS};
static const struct field terms_preview_fields[] = {
    TERMS,
    {"month", FIELD_BODY, FIELD_TOKEN, false, 7, 7, NULL,
     "YYYY-MM, in the programme's zone; without it the last one that is over"},
};
static const struct field terms_policy_fields[] = {
    ID,
    {"acceptance", FIELD_BODY, FIELD_TRUTH, true, 0, 0, NULL, "whether new versions of terms need acceptance"},
};
static const struct field terms_offered_fields[] = {PROGRAM, PAGE};
static const struct field terms_accept_fields[] = {
    ID,
    {"version", FIELD_BODY, FIELD_WHOLE, true, 1, INT32_MAX, NULL, "number of exactly this version"},
};
static const struct field policies_fields[] = {ID, PAGE};
static const struct field policy_fields[] = {
    ID,
    {"effective_from", FIELD_BODY, FIELD_TIME, false, 0, 0, NULL,
     "in force for conversions from then on; without it from now on"},
    {"model", FIELD_BODY, FIELD_CHOICE, true, 0, 0, "last|first|linear|position|time_decay",
     "how the touches of a journey share a conversion"},
    {"first_ppm", FIELD_BODY, FIELD_WHOLE, false, 0, 1000000, NULL,
     "for position: share of the first touch in parts per million; without it 400000"},
    {"last_ppm", FIELD_BODY, FIELD_WHOLE, false, 0, 1000000, NULL,
     "for position: share of the last touch; without it 400000"},
    {"half_life_hours", FIELD_BODY, FIELD_WHOLE, false, 1, 8784, NULL,
     "for time_decay: hours after which a touch weighs half; without it 168"},
    {"precedence", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "none|code_over_click|click_over_code|split",
     "where codes and other touches meet; without it code_over_click"},
    {"code_ppm", FIELD_BODY, FIELD_WHOLE, false, 1, 999999, NULL,
     "for split: share of the codes in parts per million; without it 500000"},
    {"click_window_hours", FIELD_BODY, FIELD_WHOLE, false, 1, 8784, NULL,
     "hours during which a click counts; without it the terms' window"},
    {"promo_window_hours", FIELD_BODY, FIELD_WHOLE, false, 1, 8784, NULL,
     "hours during which an entered code counts; without it the terms' window"},
    {"impression_window_hours", FIELD_BODY, FIELD_WHOLE, false, 0, 8784, NULL,
     "hours during which an impression counts; without it 0: it does not"},
    {"visit_window_hours", FIELD_BODY, FIELD_WHOLE, false, 0, 8784, NULL,
     "hours during which a visit of a channel without partner competes; without it 0: it does not"},
    {"binding", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "none|first_partner",
     "whether signed customers belong to their first partner; without it none"},
    {"bind_days", FIELD_BODY, FIELD_WHOLE, false, 1, 3650, NULL, "for first_partner: how long; without it for good"},
    {"touches_max", FIELD_BODY, FIELD_WHOLE, false, 1, 64, NULL,
     "newest touches that make a journey; without it 50"},
    {"terms_bound", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "touch|order",
     "whether the terms at the touch pay, or those at the conversion; without it touch"},
};
static const struct field integrations_fields[] = {PROGRAM, STATUS("active|revoked"), PAGE};
static const struct field integration_fields[] = {ID, NAME, WORDS};
static const struct field integration_change_fields[] = {
    ID,
    {"name", FIELD_BODY, FIELD_TEXT, false, 1, NAME_MAX, NULL, "name shown to people"},
    WORDS,
};
static const struct field partners_fields[] = {
    STATUS("pending|active|paused|declined"),
    {"inactive_since", FIELD_QUERY, FIELD_MOMENT, false, 0, 0, NULL, "only those without a click or order since then"},
    PARTNER_GROUP,
    {"program_id", FIELD_QUERY, FIELD_WHOLE, false, 1, ID_MAX, NULL, "the programme of partner_group"},
    PAGE,
};
static const struct field partner_fields[] = {
    NAME,
    {"email", FIELD_BODY, FIELD_TEXT, false, 3, 320, NULL, "address for messages"},
};
static const struct field partner_customer_fields[] = {
    ID,
    {"customer", FIELD_BODY, FIELD_TEXT, true, 1, 200, NULL, "as the shop reports it; compared without case"},
    {"own", FIELD_BODY, FIELD_TRUTH, true, 0, 0, NULL, "whether it is the partner's own"},
};
static const struct field partner_address_fields[] = {
    ID,
    {"click_id", FIELD_BODY, FIELD_UUID, true, 0, 0, NULL, "a click from that address"},
    {"own", FIELD_BODY, FIELD_TRUTH, true, 0, 0, NULL, "whether it is the partner's own"},
};
static const struct field links_fields[] = {ONE_LINK, PROGRAM, PARTNER, STATUS("active|paused"), PAGE};
static const struct field promo_codes_fields[] = {PROGRAM, PARTNER, STATUS("active|paused"), PAGE};
static const struct field link_fields[] = {
    OF_PROGRAM, OWN_PARTNER,
    {"slug", FIELD_BODY, FIELD_TOKEN, false, 1, TOKEN_MAX, NULL, "part of the URL; without it a random one"},
    TARGET(false), LINK_NAME, PARAMETERS, LIMITS,
};
static const struct field link_change_fields[] = {
    ID, TARGET(false), LINK_NAME, PARAMETERS,
    {"status", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "active|paused", "a paused link leads to the fallback"},
    LIMITS,
};
static const struct field promo_code_fields[] = {
    OF_PROGRAM, OWN_PARTNER,
    {"code", FIELD_BODY, FIELD_TOKEN, true, 1, TOKEN_MAX, NULL,
     "as given out; compared without case. A partner's own has at least 4 characters"},
    TARGET(false),
};
static const struct field partner_policy_fields[] = {
    ID,
    {"links_max", FIELD_BODY, FIELD_WHOLE, false, 0, 10000, NULL,
     "how many links a partner may have and still make one; at first 500"},
    {"codes_max", FIELD_BODY, FIELD_WHOLE, false, 0, 1000, NULL,
     "how many promo codes a partner may make itself; at first 0: none"},
};
static const struct field conversions_fields[] = {
    PROGRAM, PARTNER, STATUS("pending|approved|declined|refunded"),
    {"order_id", FIELD_QUERY, FIELD_TEXT, false, 1, 200, NULL, "only with this order number"},
    PAGE,
};
static const struct field explain_fields[] = {
    ID,
    {"lang", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "en|ru", "also as text in this language"},
};
static const struct field approve_fields[] = {
    ID,
    {"note", FIELD_BODY, FIELD_TEXT, false, 1, 500, NULL, "for the team"},
};
static const struct field decline_fields[] = {
    ID,
    {"reason", FIELD_BODY, FIELD_CODE, true, 1, TOKEN_MAX, NULL, "code of /v1/decline-reasons; the partner sees it"},
    {"note", FIELD_BODY, FIELD_TEXT, false, 1, 500, NULL, "for the team"},
};
static const struct field group_fields[] = {
    ID, OF_PARTNER,
    {"name", FIELD_BODY, FIELD_CODE, true, 1, 63, NULL, "name of the group"},
    {"member", FIELD_BODY, FIELD_TRUTH, true, 0, 0, NULL, "whether the partner belongs to it from now on"},
};
static const struct field groups_fields[] = {PROGRAM, PARTNER};
static const struct field product_fields[] = {
    ID,
    {"product", FIELD_BODY, FIELD_TEXT, true, 1, 200, NULL, "as reports name it"},
    {"category", FIELD_BODY, FIELD_TEXT, true, 1, 200, NULL, "for rules that ask for it"},
};
static const struct field fraud_fields[] = {
    ID,
    {"fact", FIELD_BODY, FIELD_CHOICE, true, 0, 0, 
     "self_referral|too_fast|code_without_visit|order_velocity|click_flood",
     "what speaks of fraud"},
    {"action", FIELD_BODY, FIELD_CHOICE, true, 0, 0, "off|pass|hold", "hold: pending until the team approves"},
    {"least", FIELD_BODY, FIELD_WHOLE, false, 1, 1000000, NULL, 
     "seconds of too_fast, orders of order_velocity, clicks of click_flood"},
    {"minutes", FIELD_BODY, FIELD_WHOLE, false, 1, 60, NULL, "within which click_flood counts"},
    {"effective_from", FIELD_BODY, FIELD_TIME, false, 0, 0, NULL, "conversions from then on; without it from now"},
};
static const struct field receipt_fields[] = {
    {"id", FIELD_PATH, FIELD_UUID, true, 0, 0, NULL, "as answered to the report"},
};
static const struct field stats_fields[] = {
    {"from", FIELD_QUERY, FIELD_MOMENT, false, 0, 0, NULL, "first day, or a time; without it 30 days up to the end"},
    {"to", FIELD_QUERY, FIELD_MOMENT, false, 0, 0, NULL,
     "last day, or a time that is not included; without it today"},
    {"tz", FIELD_QUERY, FIELD_ZONE, false, 1, TOKEN_MAX, NULL, "zone in which days begin; without it UTC"},
    {"group_by", FIELD_QUERY, FIELD_CHOICE, false, 0, 0,
     "day|link|class|promo_code|country|device|utm_source|utm_medium|utm_campaign|"
     "sub1|sub2|sub3|sub4|sub5|sub6|sub7|sub8|sub9|sub10",
     "without it day; from promo_code on up to 93 days, 1000000 clicks and 20000 orders"},
    {"compare", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "previous", "also the period before, as long"},
    PROGRAM, PARTNER,
    ONE_LINK,
    PARTNER_GROUP,
};

#define POSTBACK_URL(needed) {"url", FIELD_BODY, FIELD_TEXT, needed, 1, URL_MAX, NULL, \
                              "https, a public host without a port; may hold macros such as {click_id}"}
#define POSTBACK_REST {"events", FIELD_BODY, FIELD_TEXTS, false, 0, 5, NULL, \
                       "some of created, approved, declined, refunded, available; at first approved"}, \
                      {"program_id", FIELD_BODY, FIELD_WHOLE, false, 1, ID_MAX, NULL, \
                       "only orders of this programme", true}, \
                      {"name", FIELD_BODY, FIELD_TEXT, false, 1, NAME_MAX, NULL, "the partner's own name for it", true}
static const struct field postbacks_fields[] = {STATUS("active|paused"), PAGE};
static const struct field postback_fields[] = {POSTBACK_URL(true), POSTBACK_REST};
static const struct field postback_change_fields[] = {
    ID, POSTBACK_URL(false), POSTBACK_REST,
    {"status", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "active|paused", "a paused one is told nothing"},
};
static const struct field postback_preview_fields[] = {
    POSTBACK_URL(true),
    {"event", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "created|approved|declined|refunded|available",
     "without it approved"},
    {"conversion_id", FIELD_BODY, FIELD_WHOLE, false, 1, ID_MAX, NULL, "one of the partner's; without it an example"},
};
static const struct field notifications_fields[] = {
    {"unread", FIELD_QUERY, FIELD_TRUTH, false, 0, 0, NULL, "only those that the asker has not read, or has"},
    PAGE,
};
static const struct field notifications_read_fields[] = {
    {"up_to", FIELD_BODY, FIELD_WHOLE, true, 1, ID_MAX, NULL, "number of the newest one that was read"},
};

// Members of what answers show, in the order of CSV.
#define SHAPE_PROGRAMME \
    "id,code,name,currency,time_zone,fallback_url,hosts,visitor_cookie,cookie_hosts,cookie_domain," \
    "cookie_cross_site,consent_required,duplicate_window_seconds,payout_min_minor,links_max,codes_max,status," \
    "created_at"
#define SHAPE_POLICY \
    "id,program_id,version,effective_from,model,first_ppm,last_ppm,half_life_hours,precedence,code_ppm," \
    "click_window_hours,promo_window_hours,impression_window_hours,visit_window_hours,binding,bind_days," \
    "touches_max,terms_bound,created_at"
#define SHAPE_LINK \
    "id,program_id,partner_id,slug,path,share_path,parameters,target_url,name,status,held,starts_at," \
    "expires_at,click_cap,exhausted_at,fallback_url,rules,created_at"
#define SHAPE_CODE \
    "id,program_id,partner_id,code,path,target_url,status,created_at"
#define SHAPE_CONVERSION \
    "id,program_id,kind,order_id,occurred_at,status,reason,currency,amount_minor,refunded_minor," \
    "commission_minor,facts,credits,commissions,updated_at"
#define SHAPE_POSTBACK \
    "id,program_id,name,url,events,status,created_at"
#define SHAPE_INTEGRATION \
    "id,program_id,name,aliases,statuses,status,created_at"
#define SHAPE_TERMS \
    "id,program_id,partner_id,version,effective_from,commission_kind,rate_ppm,fixed_minor,hold_days," \
    "window_days,precedence,needs_acceptance,rules,created_at"
#define SHAPE_PREVIEW \
    "id,program_id,terms,from,to,tz,status,fault,created_at,finished_at,result,formulas"
#define SHAPE_PARTNER \
    "id,name,email,status,created_at"
#define SHAPE_DECISION \
    "id,conversion_id,action,reason,note,decided_at"

static const struct route rows[] = {
    {HTTP_GET, "/v1/programs", READ("api_programs"), ROUTE_ANY, 200, false,
     "Programmes; a partner's: those in which it takes part.", FIELDS(programs_fields),
     .csv = SHAPE_PROGRAMME},
    {HTTP_POST, "/v1/programs", WRITE("api_program_create"), ROUTE_MANAGER, 201, false,
     "Makes a programme.", FIELDS(program_fields),
     .answer = SHAPE_PROGRAMME},
    {HTTP_PATCH, "/v1/programs/{id}", READ("api_program_change"), ROUTE_MANAGER, 200, false,
     "Changes a programme; what is not given stays.", FIELDS(program_change_fields),
     .answer = SHAPE_PROGRAMME},
    {HTTP_GET, "/v1/programs/{id}/terms", READ("api_terms"), ROUTE_TEAM, 200, false,
     "Versions of a programme's terms.", FIELDS(terms_fields),
     .csv = "id,program_id,partner_id,version,effective_from,commission_kind,rate_ppm,fixed_minor,currency,"
            "hold_days,window_days,precedence,needs_acceptance,rules,created_at"},
    {HTTP_POST, "/v1/programs/{id}/terms", WRITE("api_terms_create"), ROUTE_MANAGER, 201, false,
     "Makes a new version of terms; earlier ones stay.", FIELDS(terms_new_fields),
     .answer = SHAPE_TERMS},
    {HTTP_POST, "/v1/programs/{id}/terms/preview", WRITE("api_terms_preview_create"), ROUTE_MANAGER, 202, false,
     "Asks what a month would have cost by such terms; computed within seconds.", FIELDS(terms_preview_fields),
     .answer = SHAPE_PREVIEW},
    {HTTP_GET, "/v1/terms-previews/{id}", READ("api_terms_preview"), ROUTE_TEAM, 200, false,
     "What it would have cost, in sum and by partner.", FIELDS(id_fields),
     .answer = SHAPE_PREVIEW},
    {HTTP_GET, "/v1/terms-previews/{id}/partners", READ("api_terms_preview_partners"), ROUTE_TEAM, 200, false,
     "What it would have cost by partner.", FIELDS(id_fields),
     .csv = "partner_id,partner_name,currency,now_minor,then_minor,difference_minor,orders_now,orders_then"},
    {HTTP_GET, "/v1/programs/{id}/acceptances", READ("api_terms_acceptances"), ROUTE_TEAM, 200, false,
     "Which partner accepted which version of terms, when and by which key.", FIELDS(terms_fields),
     .csv = "terms_id,version,partner_id,accepted_at,api_key_id"},
    {HTTP_PATCH, "/v1/programs/{id}/terms-policy", READ("api_terms_policy"), ROUTE_MANAGER, 200, false,
     "Says whether new versions of terms need acceptance.", FIELDS(terms_policy_fields),
     .answer = "program_id,acceptance"},
    {HTTP_GET, "/v1/terms", READ("api_terms_offered"), ROUTE_PARTNER, 200, false,
     "Versions of terms that are offered to the partner.", FIELDS(terms_offered_fields),
     .csv = "in_force,accepted_at,terms"},
    {HTTP_POST, "/v1/terms/{id}/accept", WRITE("api_terms_accept"), ROUTE_PARTNER, 200, false,
     "Accepts exactly this version.", FIELDS(terms_accept_fields),
     .answer = "terms,accepted_at,in_force"},
    {HTTP_GET, "/v1/programs/{id}/attribution", READ("api_policies"), ROUTE_TEAM, 200, false,
     "Versions of how a programme's touches share conversions.", FIELDS(policies_fields),
     .csv = SHAPE_POLICY},
    {HTTP_POST, "/v1/programs/{id}/attribution", WRITE("api_policy_create"), ROUTE_MANAGER, 201, false,
     "Makes a new version of it; earlier ones stay.", FIELDS(policy_fields),
     .answer = SHAPE_POLICY},
    {HTTP_POST, "/v1/programs/{id}/integrations", WRITE("api_integration_create"), ROUTE_MANAGER, 201, true,
     "Makes a postback key; it is shown once.", FIELDS(integration_fields),
     .answer = SHAPE_INTEGRATION ",secrets,key,path"},
    {HTTP_GET, "/v1/integrations", READ("api_integrations"), ROUTE_TEAM, 200, false,
     "Integrations, without their keys and secrets.", FIELDS(integrations_fields),
     .csv = SHAPE_INTEGRATION},
    {HTTP_PATCH, "/v1/integrations/{id}", READ("api_integration_change"), ROUTE_MANAGER, 200, false,
     "Changes an integration; what is not given stays.", FIELDS(integration_change_fields),
     .answer = SHAPE_INTEGRATION ",secrets"},
    {HTTP_POST, "/v1/integrations/{id}/revoke", WRITE("api_integration_revoke"), ROUTE_MANAGER, 200, false,
     "Revokes the postback key.", FIELDS(id_fields),
     .answer = SHAPE_INTEGRATION ",secrets"},
    {HTTP_POST, "/v1/integrations/{id}/secrets", WRITE("api_secret_create"), ROUTE_MANAGER, 201, true,
     "Makes a secret that signs reports; it is shown once. The one before it stays live.", FIELDS(id_fields),
     .answer = SHAPE_INTEGRATION ",secrets,secret"},
    {HTTP_POST, "/v1/integrations/{id}/secrets/retire", WRITE("api_secret_retire"), ROUTE_MANAGER, 200, false,
     "Leaves only the newest secret live.", FIELDS(id_fields),
     .answer = SHAPE_INTEGRATION ",secrets"},
    {HTTP_GET, "/v1/partners", READ("api_partners"), ROUTE_TEAM, 200, false,
     "Partners.", FIELDS(partners_fields),
     .csv = "id,name,email,status,created_at,last_click_at,last_order_at"},
    {HTTP_POST, "/v1/partners", WRITE("api_partner_create"), ROUTE_MANAGER, 201, false,
     "Makes a partner, who is pending at first.", FIELDS(partner_fields),
     .answer = SHAPE_PARTNER},
    {HTTP_POST, "/v1/partners/{id}/approve", WRITE("api_partner_approve"), ROUTE_MANAGER, 200, false,
     "Makes the partner active.", FIELDS(id_fields),
     .answer = SHAPE_PARTNER},
    {HTTP_POST, "/v1/partners/{id}/decline", WRITE("api_partner_decline"), ROUTE_MANAGER, 200, false,
     "Declines the partner.", FIELDS(id_fields),
     .answer = SHAPE_PARTNER},
    {HTTP_POST, "/v1/partners/{id}/pause", WRITE("api_partner_pause"), ROUTE_MANAGER, 200, false,
     "Pauses an active partner.", FIELDS(id_fields),
     .answer = SHAPE_PARTNER},
    {HTTP_POST, "/v1/partners/{id}/keys", WRITE("api_partner_key_create"), ROUTE_MANAGER, 201, true,
     "Makes an API key of the partner; it is shown once.", FIELDS(name_fields),
     .answer = "id,kind,partner_id,name,key"},
    {HTTP_PATCH, "/v1/partners/{id}/customers", READ("api_partner_customer"), ROUTE_MANAGER, 200, false,
     "Says whether a customer is the partner itself.", FIELDS(partner_customer_fields),
     .answer = "partner_id,customer,own"},
    {HTTP_PATCH, "/v1/partners/{id}/addresses", READ("api_partner_address"), ROUTE_MANAGER, 200, false,
     "Says whether a click came from the partner's own address.", FIELDS(partner_address_fields),
     .answer = "partner_id,click_id,own"},
    {HTTP_GET, "/v1/links", READ("api_links"), ROUTE_ANY, 200, false,
     "Links.", FIELDS(links_fields),
     .csv = SHAPE_LINK},
    {HTTP_POST, "/v1/links", WRITE("api_link_create"), ROUTE_PARTNER_MANAGER, 201, false,
     "Makes a link; a partner its own, on a host of the programme.", FIELDS(link_fields),
     .answer = SHAPE_LINK},
    {HTTP_PATCH, "/v1/links/{id}", READ("api_link_change"), ROUTE_PARTNER_MANAGER, 200, false,
     "Changes a link; what is not given stays, null takes away, rules replace all.", FIELDS(link_change_fields),
     .answer = SHAPE_LINK},
    {HTTP_GET, "/v1/promo-codes", READ("api_promo_codes"), ROUTE_ANY, 200, false,
     "Promo codes.", FIELDS(promo_codes_fields),
     .csv = SHAPE_CODE},
    {HTTP_POST, "/v1/promo-codes", WRITE("api_promo_code_create"), ROUTE_PARTNER_MANAGER, 201, false,
     "Makes a promo code; a partner its own, where the programme admits it.", FIELDS(promo_code_fields),
     .answer = SHAPE_CODE},
    {HTTP_GET, "/v1/stats", READ("api_stats"), ROUTE_ANY, 200, false,
     "Clicks, conversions, CR, EPC, AOV, revenue, commission; the formulas are in the answer.", FIELDS(stats_fields),
     .csv = "group_by,currency,clicks,clicks_not_counted,uniques,conversions,conversions_declined,"
            "conversions_refunded,cr_ppm,epc_minor,aov_minor,revenue_minor,commission_minor"},
    {HTTP_GET, "/v1/conversions", READ("api_conversions"), ROUTE_ANY, 200, false,
     "Conversions.", FIELDS(conversions_fields),
     .csv = SHAPE_CONVERSION},
    {HTTP_GET, "/v1/conversions/{id}", READ("api_conversion"), ROUTE_ANY, 200, false,
     "One conversion.", FIELDS(id_fields),
     .answer = SHAPE_CONVERSION},
    {HTTP_GET, "/v1/conversions/{id}/explain", READ("api_conversion_explain"), ROUTE_ANY, 200, false,
     "Why each concerned partner got what it got.", FIELDS(explain_fields),
     .answer = "conversion_id,explanations"},
    {HTTP_POST, "/v1/conversions/{id}/approve", WRITE("api_conversion_approve"), ROUTE_MANAGER, 202, false,
     "Decides; applied within seconds.", FIELDS(approve_fields),
     .answer = SHAPE_DECISION},
    {HTTP_POST, "/v1/conversions/{id}/decline", WRITE("api_conversion_decline"), ROUTE_MANAGER, 202, false,
     "Decides; applied within seconds.", FIELDS(decline_fields),
     .answer = SHAPE_DECISION},
    {HTTP_GET, "/v1/receipts/{id}", READ("api_receipt"), ROUTE_TEAM, 200, false,
     "What became of a conversion report.", FIELDS(receipt_fields),
     .answer = "receipt,received_at,source,program_id,order_id,kind,status,amount,amount_minor,currency,"
               "event_time,event_id,reason,verdict,note,verdict_at,conversion_id"},
    {HTTP_GET, "/v1/notifications", READ("api_notifications"), ROUTE_PARTNER, 200, false,
     "What the partner is told, and how many of it the asker has not read.", FIELDS(notifications_fields),
     .csv = "id,kind,payload,created_at,read_at"},
    {HTTP_POST, "/v1/notifications/read", WRITE("api_notifications_read"), ROUTE_PARTNER, 200, false,
     "Marks notifications as read by the asker.", FIELDS(notifications_read_fields),
     .answer = "marked,unread"},
    {HTTP_GET, "/v1/postbacks", READ("api_postbacks"), ROUTE_PARTNER, 200, false,
     "Where the partner wants to be told about its orders.", FIELDS(postbacks_fields),
     .csv = SHAPE_POSTBACK},
    {HTTP_POST, "/v1/postbacks", WRITE("api_postback_create"), ROUTE_PARTNER, 201, false,
     "Makes a postback; up to 10.", FIELDS(postback_fields),
     .answer = SHAPE_POSTBACK},
    {HTTP_PATCH, "/v1/postbacks/{id}", READ("api_postback_change"), ROUTE_PARTNER, 200, false,
     "Changes a postback; what is not given stays, null takes away.", FIELDS(postback_change_fields),
     .answer = SHAPE_POSTBACK},
    {HTTP_POST, "/v1/postbacks/preview", WRITE("api_postback_preview"), ROUTE_PARTNER, 200, false,
     "The URL as it would be asked, of an order or of an example; asks nobody.", FIELDS(postback_preview_fields),
     .answer = "url,event,conversion_id,values"},
    {HTTP_GET, "/v1/decline-reasons", READ("api_decline_reasons"), ROUTE_ANY, 200, false,
     "Reasons for which conversions are declined.",
     .csv = "code,text_en,text_ru"},
    {HTTP_PATCH, "/v1/programs/{id}/partner-policy", READ("api_partner_policy"), ROUTE_MANAGER, 200, false,
     "Says what partners may make themselves.", FIELDS(partner_policy_fields),
     .answer = "program_id,links_max,codes_max"},
    {HTTP_GET, "/v1/partner-groups", READ("api_partner_groups"), ROUTE_TEAM, 200, false,
     "Groups of partners, and how many are now in each.", FIELDS(groups_fields),
     .csv = "program_id,name,partners"},
    {HTTP_PATCH, "/v1/programs/{id}/partner-groups", READ("api_partner_group"), ROUTE_MANAGER, 200, false,
     "Puts a partner into a group of rules, or takes it out.", FIELDS(group_fields),
     .answer = "program_id,name,partner_id,member"},
    {HTTP_PATCH, "/v1/programs/{id}/products", READ("api_product_category"), ROUTE_MANAGER, 200, false,
     "Sets the category of a product.", FIELDS(product_fields),
     .answer = "program_id,product,category"},
    {HTTP_PATCH, "/v1/programs/{id}/fraud-policy", READ("api_fraud_policy"), ROUTE_MANAGER, 200, false,
     "Says what is done about a fact that speaks of fraud.", FIELDS(fraud_fields),
     .answer = "program_id,fact,action,least,minutes"},
};
// clang-format on

const struct route_list routes_program = {rows, array_length(rows)};
