// Rows in PostgreSQL's binary COPY format: int16 columns, then per column int32 length (-1: null) and
// big-endian bytes. Pure. Invariants: the columns of a row are those of the statement, from one table; no
// text leaves here that is not UTF-8, so that one bad byte never spoils a COPY. Limit: COPY_ROW_BYTES_MAX,
// three times the longest record and more.

#include "ingest/copy_row.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/click_id.h"
#include "base/clock.h"
#include "base/copy_cell.h"
#include "base/frame.h"
#include "base/hit_destination.h"
#include "base/utf8.h"

#define INET_FAMILY_4 2
#define INET_FAMILY_6 3

enum source {
    FROM_TS,
    FROM_ID,
    FROM_CLASS,
    FROM_REASON,
    FROM_STATUS,
    FROM_PROGRAM,
    FROM_PARTNER,
    FROM_LINK,
    FROM_PROMO_CODE,
    FROM_REVISION,
    FROM_TEXT, // field
    FROM_DESTINATION,
    FROM_UUID,    // field of 16 bytes
    FROM_ADDRESS, // field of 4 or 16 bytes
    FROM_NUMBER,  // field of 8 bytes, little-endian
    FROM_VARINT,  // field
    FROM_TIME,    // field of 8 bytes, unix ms
    FROM_VERSION, // varint field of an integer column
    FROM_DEVICE,
    FROM_OS,
    FROM_BROWSER,
    FROM_REFERRER_HOST,
    FROM_REFERRER_PATH,
    FROM_REPORT_SOURCE,
    FROM_PRESENCE, // of a field
    FROM_VERDICT,  // of a report that the tracker refused, else null
    FROM_VERDICT_AT,
    FROM_PRODUCER,
    FROM_SEQ,
    FROM_HASH,
};

struct column {
    const char *name;
    enum source source;
    enum hit_field field;
};

// clang-format off
#define ANSWERED                                                                                             \
    {"class", FROM_CLASS, 0}, {"reason", FROM_REASON, 0}, {"status", FROM_STATUS, 0},                        \
    {"address", FROM_ADDRESS, HIT_ADDRESS}, {"method", FROM_TEXT, HIT_METHOD}, {"host", FROM_TEXT, HIT_HOST},\
    {"path", FROM_TEXT, HIT_PATH}
#define BROWSER                                                                                              \
    {"user_agent", FROM_TEXT, HIT_USER_AGENT}, {"referrer_host", FROM_REFERRER_HOST, HIT_REFERRER},          \
    {"referrer_path", FROM_REFERRER_PATH, HIT_REFERRER}, {"language", FROM_TEXT, HIT_LANGUAGE}, FACTS,       \
    {"class_version", FROM_VERSION, HIT_CLASS_VERSION}
#define FACTS                                                                                                \
    {"address_hash", FROM_NUMBER, HIT_ADDRESS_HASH}, {"country", FROM_TEXT, HIT_COUNTRY},                    \
    {"region", FROM_TEXT, HIT_REGION}, {"asn", FROM_VARINT, HIT_ASN}, {"device", FROM_DEVICE, HIT_DEVICE},   \
    {"os", FROM_OS, HIT_OS}, {"browser", FROM_BROWSER, HIT_BROWSER}
#define SUBS                                                                                                 \
    {"sub1", FROM_TEXT, HIT_SUB1}, {"sub2", FROM_TEXT, HIT_SUB2}, {"sub3", FROM_TEXT, HIT_SUB3},             \
    {"sub4", FROM_TEXT, HIT_SUB4}, {"sub5", FROM_TEXT, HIT_SUB5}, {"sub6", FROM_TEXT, HIT_SUB6},             \
    {"sub7", FROM_TEXT, HIT_SUB7}, {"sub8", FROM_TEXT, HIT_SUB8}, {"sub9", FROM_TEXT, HIT_SUB9},             \
    {"sub10", FROM_TEXT, HIT_SUB10}
#define CAMPAIGN                                                                                             \
    {"utm_source", FROM_TEXT, HIT_UTM_SOURCE}, {"utm_medium", FROM_TEXT, HIT_UTM_MEDIUM},                    \
    {"utm_campaign", FROM_TEXT, HIT_UTM_CAMPAIGN}, {"utm_content", FROM_TEXT, HIT_UTM_CONTENT},              \
    {"utm_term", FROM_TEXT, HIT_UTM_TERM}, {"erid", FROM_TEXT, HIT_ERID},                                    \
    {"ad_network", FROM_TEXT, HIT_AD_NETWORK}, {"ad_click_id", FROM_TEXT, HIT_AD_CLICK_ID}
#define FRAME                                                                                                \
    {"producer", FROM_PRODUCER, 0}, {"seq", FROM_SEQ, 0}, {"content_hash", FROM_HASH, 0}

static const struct column click_columns[] = {
    {"ts", FROM_TS, 0}, {"click_id", FROM_ID, 0}, {"visitor_id", FROM_UUID, HIT_VISITOR},
    {"program_id", FROM_PROGRAM, 0}, {"partner_id", FROM_PARTNER, 0}, {"link_id", FROM_LINK, 0},
    {"promo_code_id", FROM_PROMO_CODE, 0}, ANSWERED, {"destination", FROM_DESTINATION, HIT_DESTINATION}, BROWSER, SUBS,
    CAMPAIGN, {"catalog_revision", FROM_REVISION, 0}, FRAME,
};

static const struct column impression_columns[] = {
    {"ts", FROM_TS, 0}, {"hit_id", FROM_ID, 0}, {"visitor_id", FROM_UUID, HIT_VISITOR},
    {"program_id", FROM_PROGRAM, 0}, {"partner_id", FROM_PARTNER, 0}, {"link_id", FROM_LINK, 0}, ANSWERED, BROWSER,
    {"catalog_revision", FROM_REVISION, 0}, FRAME,
};

static const struct column visit_columns[] = {
    {"ts", FROM_TS, 0}, {"hit_id", FROM_ID, 0}, {"visitor_id", FROM_UUID, HIT_VISITOR},
    {"program_id", FROM_PROGRAM, 0}, ANSWERED, {"page", FROM_TEXT, HIT_PAGE}, BROWSER,
    {"click_id", FROM_UUID, HIT_REPORT_CLICK_ID}, CAMPAIGN, {"catalog_revision", FROM_REVISION, 0}, FRAME,
};

static const struct column promo_entry_columns[] = {
    {"ts", FROM_TS, 0}, {"hit_id", FROM_ID, 0}, {"visitor_id", FROM_UUID, HIT_VISITOR},
    {"program_id", FROM_PROGRAM, 0}, {"partner_id", FROM_PARTNER, 0}, {"promo_code_id", FROM_PROMO_CODE, 0},
    {"promo", FROM_TEXT, HIT_PROMO}, ANSWERED, BROWSER, {"click_id", FROM_UUID, HIT_REPORT_CLICK_ID},
    {"catalog_revision", FROM_REVISION, 0}, FRAME,
};

static const struct column report_columns[] = {
    {"ts", FROM_TS, 0}, {"id", FROM_ID, 0}, {"source", FROM_REPORT_SOURCE, 0}, {"program_id", FROM_PROGRAM, 0},
    {"integration_id", FROM_VARINT, HIT_REPORT_INTEGRATION}, {"click_id", FROM_UUID, HIT_REPORT_CLICK_ID},
    {"visitor_id", FROM_UUID, HIT_VISITOR}, {"order_id", FROM_TEXT, HIT_REPORT_ORDER_ID},
    {"kind", FROM_TEXT, HIT_REPORT_KIND}, {"status", FROM_TEXT, HIT_REPORT_STATUS},
    {"amount", FROM_TEXT, HIT_REPORT_AMOUNT}, {"amount_minor", FROM_NUMBER, HIT_REPORT_AMOUNT_MINOR},
    {"currency", FROM_TEXT, HIT_REPORT_CURRENCY}, {"promo", FROM_TEXT, HIT_PROMO},
    {"product", FROM_TEXT, HIT_REPORT_PRODUCT}, {"customer", FROM_TEXT, HIT_REPORT_CUSTOMER},
    {"signed", FROM_PRESENCE, HIT_REPORT_SIGNED}, {"lines", FROM_TEXT, HIT_REPORT_LINES},
    {"event_time", FROM_TIME, HIT_REPORT_EVENT_TIME}, {"event_id", FROM_TEXT, HIT_REPORT_EVENT_ID}, SUBS,
    {"raw", FROM_TEXT, HIT_REPORT_RAW}, {"address", FROM_ADDRESS, HIT_ADDRESS},
    {"user_agent", FROM_TEXT, HIT_USER_AGENT}, FACTS, {"reason", FROM_REASON, 0}, {"verdict", FROM_VERDICT, 0},
    {"verdict_at", FROM_VERDICT_AT, 0}, FRAME,
};
// clang-format on

static const struct table {
    const char *name, *id_column;
    const struct column *columns;
    size_t n;
} tables[COPY_TABLES] = {
    [COPY_CLICK] = {"click", "click_id", click_columns, array_length(click_columns)},
    [COPY_IMPRESSION] = {"impression", "hit_id", impression_columns, array_length(impression_columns)},
    [COPY_VISIT] = {"visit", "hit_id", visit_columns, array_length(visit_columns)},
    [COPY_PROMO_ENTRY] = {"promo_entry", "hit_id", promo_entry_columns, array_length(promo_entry_columns)},
    [COPY_REPORT] = {"conversion_report", "id", report_columns, array_length(report_columns)},
};

enum copy_table copy_table_of(enum hit_kind kind)
{
    static const enum copy_table by_kind[HIT_KIND_COUNT] = {
        [HIT_CLICK] = COPY_CLICK,   [HIT_IMPRESSION] = COPY_IMPRESSION,
        [HIT_VISIT] = COPY_VISIT,   [HIT_PROMO_ENTRY] = COPY_PROMO_ENTRY,
        [HIT_REPORT] = COPY_REPORT,
    };
    assert(kind >= HIT_CLICK && kind < HIT_KIND_COUNT);
    return by_kind[kind];
}

const char *copy_table_name(enum copy_table table)
{
    return tables[table].name;
}

const char *copy_table_id_column(enum copy_table table)
{
    return tables[table].id_column;
}

void copy_statement(enum copy_table table, uint64_t day, uint32_t part, char out[COPY_STATEMENT_BYTES])
{
    time_t time = (time_t)(day * (COPY_DAY_MS / 1000));
    char suffix[32] = "";
    size_t at = 0;
    struct tm tm;

    if (day != COPY_ANY_DAY && gmtime_r(&time, &tm))
        at = strftime(suffix, sizeof(suffix), "_%Y%m%d", &tm);
    suffix[at] = '\0'; // no such day: the table refuses its rows
    if (at > 0 && part > 0)
        snprintf(suffix + at, sizeof(suffix) - at, "_%" PRIu32, part);
    at = (size_t)snprintf(out, COPY_STATEMENT_BYTES, "copy clickledger.%s%s (", tables[table].name, suffix);
    for (size_t i = 0; i < tables[table].n; i++)
        at += (size_t)snprintf(out + at, COPY_STATEMENT_BYTES - at, "%s%s", i ? ", " : "",
                               tables[table].columns[i].name);
    at += (size_t)snprintf(out + at, COPY_STATEMENT_BYTES - at, ") from stdin (format binary)");
    assert(at < COPY_STATEMENT_BYTES);
}

// --- Values

// The length is written when it is known, behind the text.
static void put_text(struct bytes_writer *w, struct slice text)
{
    uint8_t *length_at = w->at;

    bytes_write(w, "\0\0\0\0", 4);
    if (w->overflow)
        return;
    size_t len = utf8_sanitize(text, (char *)w->at, (size_t)(w->end - w->at));
    uint32_t length = __builtin_bswap32((uint32_t)len);
    memcpy(length_at, &length, sizeof(length));
    w->at += len;
}

static void put_address(struct bytes_writer *w, struct slice address)
{
    uint8_t inet[4 + 16] = {address.len == 4 ? INET_FAMILY_4 : INET_FAMILY_6, (uint8_t)(address.len * 8), 0,
                            (uint8_t)address.len};

    assert(address.len == 4 || address.len == 16);
    memcpy(inet + 4, address.data, address.len);
    copy_put_bytes(w, inet, 4 + address.len);
}

static int put_varint(struct bytes_writer *w, enum source source, struct slice bytes)
{
    struct bytes_reader r = bytes_reader(bytes.data, bytes.len);
    uint64_t value = bytes_read_varint(&r);

    if (r.bad || r.at != r.end || value > (source == FROM_VERSION ? INT32_MAX : INT64_MAX))
        return COPY_NUMBER;
    if (source == FROM_VERSION)
        copy_put_i32(w, (int32_t)value);
    else
        copy_put_reference(w, (int64_t)value);
    return 0;
}

// Trackers before 0.2 recorded the header as it came, with scheme and query.
static struct slice referrer_start(struct slice referrer)
{
    const char *scheme = memmem(referrer.data, referrer.len, "://", 3);
    size_t skip = scheme ? (size_t)(scheme + 3 - referrer.data) : 0;

    referrer = (struct slice){referrer.data + skip, referrer.len - skip};
    for (size_t i = 0; i < referrer.len; i++)
        if (referrer.data[i] == '?' || referrer.data[i] == '#')
            referrer.len = i;
    return referrer;
}

static void put_referrer(struct bytes_writer *w, enum source source, struct slice value)
{
    struct slice referrer = referrer_start(value);
    const char *slash = memchr(referrer.data, '/', referrer.len);
    size_t host = slash ? (size_t)(slash - referrer.data) : referrer.len;

    if (source == FROM_REFERRER_HOST)
        put_text(w, (struct slice){referrer.data, host});
    else if (slash)
        put_text(w, (struct slice){slash, referrer.len - host});
    else
        copy_put_null(w);
}

static void put_listed(struct bytes_writer *w, enum source source, uint8_t number)
{
    copy_put_string(w, source == FROM_DEVICE ? hit_device_name(number)
                       : source == FROM_OS   ? hit_os_name(number)
                                             : hit_browser_name(number));
}

static int put_event_time(struct bytes_writer *w, struct slice bytes)
{
    uint64_t unix_ms = bytes_get_u64((const uint8_t *)bytes.data);

    if (unix_ms > CLOCK_MS_MAX)
        return COPY_TIME;
    copy_put_time(w, (int64_t)unix_ms * 1000);
    return 0;
}

static int put_field(struct bytes_writer *w, enum source source, struct slice value)
{
    if (!value.data) {
        copy_put_null(w);
        return 0;
    }
    if (source == FROM_VARINT || source == FROM_VERSION)
        return put_varint(w, source, value);
    if (source == FROM_TIME)
        return put_event_time(w, value);
    if (source == FROM_UUID)
        copy_put_bytes(w, value.data, value.len);
    else if (source == FROM_ADDRESS)
        put_address(w, value);
    else if (source == FROM_NUMBER)
        copy_put_i64(w, (int64_t)bytes_get_u64((const uint8_t *)value.data));
    else if (source == FROM_DEVICE || source == FROM_OS || source == FROM_BROWSER)
        put_listed(w, source, (uint8_t)value.data[0]);
    else if (source == FROM_REFERRER_HOST || source == FROM_REFERRER_PATH)
        put_referrer(w, source, value);
    else
        put_text(w, value);
    return 0;
}

static void put_verdict(struct bytes_writer *w, const struct hit *hit, bool time)
{
    if (hit->reason == HIT_REASON_NONE)
        copy_put_null(w);
    else if (time)
        copy_put_time(w, (int64_t)click_id_ms(hit->id) * 1000);
    else
        copy_put_string(w, hit_reason_name(hit->reason));
}

static void put_destination(struct bytes_writer *w, const struct hit *hit)
{
    struct slice folded = hit->field[HIT_DESTINATION];
    char url[HIT_DESTINATION_BYTES_MAX];

    if (folded.data)
        put_text(w, (struct slice){url, hit_destination_unfold(folded, hit->id, url)});
    else
        copy_put_null(w);
}

static int put_column(struct bytes_writer *w, const struct column *column, const struct hit *hit,
                      const struct copy_origin *origin)
{
    // clang-format off
    switch (column->source) {
    case FROM_TS: copy_put_time(w, (int64_t)click_id_ms(hit->id) * 1000); return 0;
    case FROM_ID: copy_put_bytes(w, hit->id, HIT_ID_BYTES); return 0;
    case FROM_CLASS: copy_put_string(w, hit_class_name(hit->class)); return 0;
    case FROM_REASON: copy_put_string(w, hit_reason_name(hit->reason)); return 0;
    case FROM_STATUS: copy_put_i16(w, (int16_t)min_of(hit->status, INT16_MAX)); return 0;
    case FROM_PROGRAM: copy_put_reference(w, (int64_t)hit->program_id); return 0;
    case FROM_PARTNER: copy_put_reference(w, (int64_t)hit->partner_id); return 0;
    case FROM_LINK: copy_put_reference(w, (int64_t)hit->link_id); return 0;
    case FROM_PROMO_CODE: copy_put_reference(w, (int64_t)hit->promo_code_id); return 0;
    case FROM_REVISION: copy_put_i64(w, (int64_t)hit->catalog_revision); return 0;
    case FROM_REPORT_SOURCE:
        copy_put_string(w, hit->field[HIT_REPORT_INTEGRATION].data ? "postback" : "pixel"); return 0;
    case FROM_PRESENCE: copy_put_bytes(w, hit->field[column->field].data ? "\1" : "\0", 1); return 0;
    case FROM_VERDICT: put_verdict(w, hit, false); return 0;
    case FROM_VERDICT_AT: put_verdict(w, hit, true); return 0;
    case FROM_PRODUCER: copy_put_bytes(w, origin->producer, PRODUCER_BYTES); return 0;
    case FROM_SEQ: copy_put_i64(w, (int64_t)origin->seq); return 0;
    case FROM_HASH: copy_put_i64(w, (int64_t)origin->content_hash); return 0;
    case FROM_DESTINATION: put_destination(w, hit); return 0;
    case FROM_TEXT: case FROM_UUID: case FROM_ADDRESS: case FROM_NUMBER: case FROM_VARINT: case FROM_TIME:
    case FROM_VERSION: case FROM_DEVICE: case FROM_OS: case FROM_BROWSER:
    case FROM_REFERRER_HOST: case FROM_REFERRER_PATH:
        return put_field(w, column->source, hit->field[column->field]);
    }
    // clang-format on
    return 0;
}

int copy_row_write(struct bytes_writer *writer, const struct hit *hit, const struct copy_origin *origin)
{
    const struct table *table = &tables[copy_table_of(hit->kind)];

    copy_put_row(writer, table->n);
    for (size_t i = 0; i < table->n; i++) {
        int condition = put_column(writer, &table->columns[i], hit, origin);
        if (condition)
            return condition;
    }
    assert(!writer->overflow);
    return 0;
}

const char *copy_condition_name(int condition)
{
    return condition == COPY_TIME ? "event_time" : condition == COPY_NUMBER ? "number" : "ok";
}
