// Conversion reports: by a shop's server with a key and, where the integration has secrets, a signature; by
// its page with a pixel. A good report is answered only when it is recorded, else 503, so that the shop sends
// it again. A refused one is told why and kept too, up to REFUSALS_PER_MINUTE_MAX a minute. The key stands in
// the path, so no path is kept.

#include "tracker/endpoints.h"

#include <sodium.h>
#include <stdio.h>

#include "base/http_char.h"
#include "base/query.h"
#include "tracker/note.h"
#include "base/report.h"
#include "tracker/signature.h"

#define KEY_BYTES_MAX    256
#define ANSWER_BYTES_MAX 512

struct reporting {
    struct note note;
    struct report_values values;
    struct catalog_integration integration;
};

static bool integration_find(struct context *context, struct slice key,
                             struct catalog_integration *integration)
{
    char text[KEY_BYTES_MAX];
    uint8_t hash[CATALOG_HASH_BYTES];
    size_t len;

    if (query_decode_path(key, text, sizeof(text), &len) != 0)
        return false;
    crypto_hash_sha256(hash, (const unsigned char *)text, len);
    return catalog_integration_find(context->catalog, hash, integration) && integration->active;
}

static void reporting_start(struct reporting *reporting, struct context *context,
                            const struct http_request *request)
{
    note_start(&reporting->note, context, request, HIT_REPORT, SLICE_NONE);
    // Reports come from programs: only what they say makes them good or bad.
    reporting->note.hit.class = HIT_CLASS_HUMAN;
    reporting->note.hit.reason = HIT_REASON_NONE;
}

static bool type_is(struct slice type, struct slice wanted)
{
    return type.len >= wanted.len && http_char_same((struct slice){type.data, wanted.len}, wanted) &&
           (type.len == wanted.len || type.data[wanted.len] == ';' || type.data[wanted.len] == ' ');
}

static enum hit_reason body_type_read(const struct http_request *request, bool *is_json)
{
    struct slice type = http_request_header(request, SLICE("Content-Type"));

    *is_json = request->body.len > 0 && type_is(type, SLICE("application/json"));
    if (request->body.len == 0 || *is_json || type_is(type, SLICE("application/x-www-form-urlencoded")))
        return HIT_REASON_NONE;
    return HIT_REASON_BODY_TYPE_UNSUPPORTED;
}

static bool is_signature(enum hit_reason reason)
{
    return reason == HIT_REASON_SIGNATURE_MISSING || reason == HIT_REASON_SIGNATURE_EXPIRED ||
           reason == HIT_REASON_SIGNATURE_WRONG;
}

static unsigned fault_status(enum hit_reason reason)
{
    if (is_signature(reason))
        return 401;
    if (reason == HIT_REASON_KEY_UNKNOWN)
        return 404;
    return reason == HIT_REASON_BODY_TYPE_UNSUPPORTED ? 415 : 422;
}

// Records a refused report if its key has not had too many of them. false: not recorded.
static bool refusal_record(struct context *context, struct http_conn *conn, struct reporting *reporting,
                           enum hit_reason reason)
{
    uint64_t key = reason == HIT_REASON_KEY_UNKNOWN ? 0 : reporting->integration.integration_id;

    metric_add(&context->counters->reports_refused, 1);
    note_invalidate(&reporting->note, reason);
    if (!refusals_keep(&context->refusals, key, context->now_ms)) {
        metric_add(&context->counters->reports_unkept, 1);
        return false;
    }
    return context_record(context, conn, &reporting->note.hit);
}

static void answer_refused(struct context *context, struct http_conn *conn, struct reporting *reporting,
                           enum hit_reason reason)
{
    char json[ANSWER_BYTES_MAX];
    unsigned status = fault_status(reason);

    reporting->note.hit.status = (uint16_t)status;
    bool kept = refusal_record(context, conn, reporting, reason);
    int len = snprintf(json, sizeof(json), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}%s%.*s%s}",
                       is_signature(reason) ? "unauthorized" : hit_reason_name(reason),
                       report_fault_text(reason), kept ? ",\"receipt\":\"" : "",
                       kept ? CLICK_ID_TEXT_BYTES : 0, reporting->note.id_text, kept ? "\"" : "");
    answer_json(conn, status, (struct slice){json, (size_t)len});
}

// A report that nothing can record is not lost: the shop is asked to send it again.
static bool good_record(struct context *context, struct http_conn *conn, const struct reporting *reporting)
{
    if (context_records(context) && context_record(context, conn, &reporting->note.hit))
        return true;
    metric_add(&context->counters->reports_postponed, 1);
    return false;
}

static void answer_accepted(struct context *context, struct http_conn *conn, struct reporting *reporting)
{
    char json[ANSWER_BYTES_MAX];

    reporting->note.hit.status = 202;
    if (!good_record(context, conn, reporting)) {
        answer_json(conn, 503,
                    SLICE("{\"error\":{\"code\":\"unavailable\","
                          "\"message\":\"The report cannot be recorded at the moment; send it again.\"}}"));
        return;
    }
    int len =
        snprintf(json, sizeof(json), "{\"receipt\":\"%.*s\"}", CLICK_ID_TEXT_BYTES, reporting->note.id_text);
    answer_json(conn, 202, (struct slice){json, (size_t)len});
}

static enum hit_reason report_fill(struct context *context, const struct http_request *request, bool is_json,
                                   struct reporting *reporting, const struct catalog_integration *integration,
                                   const struct catalog_program *program)
{
    const struct report_input input = {.query = request->query,
                                       .body = request->body,
                                       .body_is_json = is_json,
                                       .integration = integration,
                                       .currency = program ? program->currency : SLICE_NONE,
                                       .keys = context->keys};

    enum hit_reason fault =
        report_read(&input, &context->scratch, &reporting->values, reporting->note.hit.field);
    note_follow(&reporting->note, context);
    return fault;
}

static void integration_note(struct reporting *reporting)
{
    struct bytes_writer writer =
        bytes_writer(reporting->values.integration, sizeof(reporting->values.integration));

    bytes_write_varint(&writer, reporting->integration.integration_id);
    reporting->note.hit.field[HIT_REPORT_INTEGRATION] = (struct slice){
        (const char *)reporting->values.integration, (size_t)(writer.at - reporting->values.integration)};
    reporting->note.hit.program_id = reporting->integration.program_id;
}

static enum hit_reason postback_read(struct context *context, const struct http_request *request,
                                     struct reporting *reporting)
{
    const struct catalog_integration *integration = &reporting->integration;
    enum hit_reason fault = HIT_REASON_NONE;
    struct catalog_program program;
    bool is_json;

    if (integration->secrets.len > 0) {
        fault = signature_check(request, integration->secrets, context->now_ms);
        if (fault == HIT_REASON_NONE)
            reporting->note.hit.field[HIT_REPORT_SIGNED] = SLICE("\1");
    }
    if (fault == HIT_REASON_NONE)
        fault = body_type_read(request, &is_json);
    if (fault != HIT_REASON_NONE)
        return fault;
    bool known = catalog_program_find(context->catalog, integration->program_id, &program);
    return report_fill(context, request, is_json, reporting, integration, known ? &program : NULL);
}

void report_postback_answer(struct context *context, struct http_conn *conn,
                            const struct http_request *request, struct slice name)
{
    struct reporting reporting;
    enum hit_reason fault = HIT_REASON_KEY_UNKNOWN;

    reporting_start(&reporting, context, request);
    if (integration_find(context, name, &reporting.integration)) {
        integration_note(&reporting);
        fault = postback_read(context, request, &reporting);
    }
    if (fault == HIT_REASON_STATUS_IGNORED)
        note_invalidate(&reporting.note, fault);
    if (fault == HIT_REASON_NONE || fault == HIT_REASON_STATUS_IGNORED)
        answer_accepted(context, conn, &reporting);
    else
        answer_refused(context, conn, &reporting, fault);
}

// Pixels have no key: those of all programmes share the bucket of unknown keys.
void report_pixel_answer(struct context *context, struct http_conn *conn, const struct http_request *request,
                         struct slice name)
{
    char code[CATALOG_KEY_MAX];
    size_t len;
    struct reporting reporting;
    struct catalog_program program;
    enum hit_reason fault = HIT_REASON_KEY_UNKNOWN;

    reporting_start(&reporting, context, request);
    reporting.integration.integration_id = 0;
    reporting.note.hit.status = 200;
    if (query_decode_path(name, code, sizeof(code), &len) == 0 &&
        catalog_program_find_code(context->catalog, (struct slice){code, len}, &program)) {
        reporting.note.hit.program_id = program.id;
        note_visitor(&reporting.note, context, request, &program, params_consent(request->query));
        fault = report_fill(context, request, false, &reporting, NULL, &program);
    }
    if (fault != HIT_REASON_NONE)
        refusal_record(context, conn, &reporting, fault);
    else if (!context_record(context, conn, &reporting.note.hit))
        metric_add(&context->counters->reports_postponed, 1);
    answer_pixel(&context->answers, conn, SLICE_NONE);
}
