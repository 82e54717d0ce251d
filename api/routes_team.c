// Routes of what the team does with many things at once, what it offers, and what it looks at. See
// api/route_fields.h.

#include "api/image.h"
#include "api/route_fields.h"

#define UPLOAD_BYTES_MAX     (1024L * 1024 * 1024)
#define DECIDE_MAX           500
#define CODES_MAX            1000
#define CODES_BODY_BYTES_MAX (128 * 1024) // of CODES_MAX codes with TOKEN_MAX characters
#define CODE_PREFIX_MAX      56           // TOKEN_MAX without the random characters

// clang-format off
static const struct field uploads_fields[] = {PROGRAM, PAGE};
static const struct field upload_fields[] = {
    {"kind", FIELD_QUERY, FIELD_CHOICE, true, 0, 0, "conversions|channel_costs", "what the rows are"},
    {"program_id", FIELD_QUERY, FIELD_WHOLE, true, 1, ID_MAX, NULL, "the programme of all rows"},
};
static const struct field upload_rows_fields[] = {
    ID,
    {"verdict", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "accepted|duplicate|refused", "only with this verdict"},
    PAGE,
};
static const struct field id_fields[] = {ID};
static const struct field decide_fields[] = {
    {"ids", FIELD_BODY, FIELD_IDS, true, 1, DECIDE_MAX, NULL, "conversions"},
    {"action", FIELD_BODY, FIELD_CHOICE, true, 0, 0, "approve|decline", "for all of them"},
    {"reason", FIELD_BODY, FIELD_CODE, false, 1, TOKEN_MAX, NULL,
     "for decline, and only there: code of /v1/decline-reasons; the partners see it"},
    {"note", FIELD_BODY, FIELD_TEXT, false, 1, 500, NULL, "for the team"},
};
static const struct field promo_codes_bulk_fields[] = {
    OF_PROGRAM, OF_PARTNER, TARGET(true),
    {"codes", FIELD_BODY, FIELD_TEXTS, false, 1, CODES_MAX, NULL, "codes as given out; compared without case"},
    {"prefix", FIELD_BODY, FIELD_TOKEN, false, 1, CODE_PREFIX_MAX, NULL,
     "without codes: what the made ones begin with; 8 random characters of 2-9 and A-Z without I and O follow"},
    {"count", FIELD_BODY, FIELD_WHOLE, false, 1, CODES_MAX, NULL, "without codes: how many are made"},
};
static const struct field creatives_fields[] = {
    PROGRAM, STATUS("active|paused|withdrawn"),
    {"kind", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "banner|text|link", "only of this kind"},
    {"link_id", FIELD_QUERY, FIELD_WHOLE, false, 1, ID_MAX, NULL,
     "the partner's link that html leads through; without it the first active one in the programme"},
    PAGE,
};
#define ERID {"erid", FIELD_BODY, FIELD_TOKEN, false, 1, TOKEN_MAX, NULL, \
              "token of the advertisement's registration", true}
#define CREATIVE_TEXT {"text", FIELD_BODY, FIELD_TEXT, false, 1, 1000, NULL, \
                       "the words; of a banner those in place of the image; needed for text", true}
#define CREATIVE_TARGET {"target_url", FIELD_BODY, FIELD_TEXT, false, 1, URL_MAX, NULL, \
                         "page of the shop; without it where the partner's link leads; needed for link", true}
static const struct field creative_fields[] = {
    OF_PROGRAM,
    {"kind", FIELD_BODY, FIELD_CHOICE, true, 0, 0, "banner|text|link", "what it is"},
    NAME, CREATIVE_TEXT, CREATIVE_TARGET, ERID,
};
static const struct field creative_change_fields[] = {
    ID,
    {"name", FIELD_BODY, FIELD_TEXT, false, 1, NAME_MAX, NULL, "name shown to people"},
    CREATIVE_TEXT, CREATIVE_TARGET, ERID,
    {"status", FIELD_BODY, FIELD_CHOICE, false, 0, 0, "active|paused|withdrawn",
     "paused: no longer offered; withdrawn: its images are not served any more, either"},
};
static const struct field creative_file_fields[] = {
    {"name", FIELD_PATH, FIELD_TEXT, true, 1, 64, NULL, "as image.path of a creative says it"},
};
static const struct field audit_fields[] = {
    {"object", FIELD_QUERY, FIELD_CODE, false, 1, 63, NULL, "only rows of this table"},
    {"object_id", FIELD_QUERY, FIELD_TEXT, false, 1, 200, NULL, "only the row with this key"},
    {"person_id", FIELD_QUERY, FIELD_WHOLE, false, 1, ID_MAX, NULL, "only changes by this person"},
    {"action", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "insert|update|delete", "only of this kind"},
    {"from", FIELD_QUERY, FIELD_MOMENT, false, 0, 0, NULL, "first day in UTC, or a time"},
    {"to", FIELD_QUERY, FIELD_MOMENT, false, 0, 0, NULL, "last day in UTC, or a time that is not included"},
    PAGE,
};
#define DASHBOARD \
    {"from", FIELD_QUERY, FIELD_MOMENT, false, 0, 0, NULL, "first day, or a time; without it 30 days up to the end"}, \
    {"to", FIELD_QUERY, FIELD_MOMENT, false, 0, 0, NULL, \
     "last day, or a time that is not included; without it today"}, \
    {"tz", FIELD_QUERY, FIELD_ZONE, false, 1, TOKEN_MAX, NULL, \
     "zone in which days begin; without it the programme's, or UTC"}, \
    PROGRAM, PARTNER, PARTNER_GROUP
static const struct field dashboard_fields[] = {
    DASHBOARD,
    {"part", FIELD_QUERY, FIELD_CHOICE, false, 0, 0, "figures|funnel|times", "without it figures"},
};
static const struct field dashboard_list_fields[] = {DASHBOARD};

// Members of what answers show, in the order of CSV.
#define SHAPE_CREATIVE \
    "id,program_id,kind,name,text,target_url,erid,status,image,created_at"
#define SHAPE_UPLOAD \
    "id,kind,program_id,status,rows,accepted,duplicate,refused,reason,api_key_id,created_at,ended_at"

static const struct route rows[] = {
    {HTTP_POST, "/v1/conversions/decide", WRITE("api_conversions_decide"), ROUTE_MANAGER, 202, false,
     "Decides about many, with a verdict for each; applied within seconds.", FIELDS(decide_fields),
     .answer = "action,reason,data"},
    {HTTP_POST, "/v1/promo-codes/bulk", WRITE("api_promo_codes_bulk"), ROUTE_MANAGER, 200, false,
     "Makes many promo codes, given or random ones, with a verdict for each.", FIELDS(promo_codes_bulk_fields),
     .body_bytes_max = CODES_BODY_BYTES_MAX,
     .answer = "data"},
    {HTTP_GET, "/v1/creatives", READ("api_creatives_ready"), ROUTE_ANY, 200, false,
     "Banners, texts and links for pages; a partner finds the active ones of its programmes.",
     FIELDS(creatives_fields),
     .csv = SHAPE_CREATIVE},
    {HTTP_POST, "/v1/creatives", WRITE("api_creative_create"), ROUTE_MANAGER, 201, false,
     "Makes a banner, text or link.", FIELDS(creative_fields),
     .answer = SHAPE_CREATIVE},
    {HTTP_PATCH, "/v1/creatives/{id}", READ("api_creative_change"), ROUTE_MANAGER, 200, false,
     "Changes it; what is not given stays, null takes away.", FIELDS(creative_change_fields),
     .answer = SHAPE_CREATIVE},
    {HTTP_POST, "/v1/creatives/{id}/image", WRITE("api_creative_image"), ROUTE_MANAGER, 201, false,
     "The body is the banner's image from now on: PNG, JPEG, GIF or WebP, each side at most 4096 pixels.",
     FIELDS(id_fields), .body_bytes_max = IMAGE_BYTES_MAX, .takes_image = true,
     .answer = SHAPE_CREATIVE},
    {HTTP_GET, "/creatives/{name}", READ("api_creative_file"), ROUTE_OPEN, 200, false,
     "An image; under its name it never changes.", FIELDS(creative_file_fields), .answers_image = true},
    {HTTP_GET, "/v1/dashboard", READ("api_dashboard"), ROUTE_TEAM, 200, false,
     "Revenue, commission, earned, ROI by day and partner; the funnel; times of approval and hold; with formulas.",
     FIELDS(dashboard_fields),
     .answer = "from,to,before_from,tz,part,formulas,data"},
    {HTTP_GET, "/v1/dashboard/days", READ("api_dashboard_days"), ROUTE_TEAM, 200, false,
     "The figures of the dashboard by day.", FIELDS(dashboard_list_fields),
     .csv = "day,currency,clicks,conversions,cr_ppm,revenue_minor,commission_minor,earned_minor,cost_minor,roi_ppm"},
    {HTTP_GET, "/v1/dashboard/partners", READ("api_dashboard_partners"), ROUTE_TEAM, 200, false,
     "Who earned most, and who fell furthest behind the period before.", FIELDS(dashboard_list_fields),
     .csv = "list,partner_id,partner_name,currency,clicks,conversions,cr_ppm,revenue_minor,commission_minor,"
            "earned_minor,earned_before_minor,change_minor,roi_ppm"},
    {HTTP_GET, "/v1/dashboard/funnel", READ("api_dashboard_funnel"), ROUTE_TEAM, 200, false,
     "Clicks, leads, orders and what became of them.", FIELDS(dashboard_list_fields),
     .csv = "clicks,leads,orders,orders_paid,orders_pending,orders_declined,orders_refunded,click_to_lead_ppm,"
            "click_to_order_ppm,order_to_paid_ppm"},
    {HTTP_GET, "/v1/dashboard/times", READ("api_dashboard_times"), ROUTE_TEAM, 200, false,
     "How long approval and hold take.", FIELDS(dashboard_list_fields),
     .csv = "what,count,median_seconds,p90_seconds"},
    {HTTP_GET, "/v1/audit", READ("api_audit"), ROUTE_TEAM, 200, false,
     "What people changed: who, when, the row before and after; the newest first.", FIELDS(audit_fields),
     .csv = "id,at,api_key_id,api_key_name,person_id,person_name,db_role,action,object,object_id,before,"
            "after,hidden"},
    {HTTP_GET, "/v1/uploads", READ("api_uploads"), ROUTE_TEAM, 200, false,
     "Files of rows that were uploaded.", FIELDS(uploads_fields),
     .csv = SHAPE_UPLOAD},
    {HTTP_POST, "/v1/uploads", .function = "upload_begin", .sql = "select clickledger.upload_begin($1::jsonb)::text",
     ROUTE_MANAGER, 201, false,
     "Takes a file of rows, as text/csv or application/x-ndjson, each with a verdict of its own.",
     FIELDS(upload_fields),
     .body_bytes_max = UPLOAD_BYTES_MAX, .takes_rows = true,
     .answer = SHAPE_UPLOAD},
    {HTTP_GET, "/v1/uploads/{id}", READ("api_upload"), ROUTE_TEAM, 200, false,
     "How an upload stands.", FIELDS(id_fields),
     .answer = SHAPE_UPLOAD},
    {HTTP_GET, "/v1/uploads/{id}/rows", READ("api_upload_rows"), ROUTE_TEAM, 200, false,
     "What became of its rows, in their order.", FIELDS(upload_rows_fields),
     .csv = "line,verdict,reason,receipt"},
};
// clang-format on

const struct route_list routes_team = {rows, array_length(rows)};
