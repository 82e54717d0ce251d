// Impressions, visits and entered promo codes: pixels that record a hit and always answer the same image,
// because a page that shows them cannot do anything about an error.

#include "tracker/endpoints.h"

#include "base/query.h"
#include "tracker/link.h"
#include "tracker/note.h"
#include "tracker/params.h"
#include "tracker/text.h"

static void answer(struct context *context, struct http_conn *conn, struct note *note, struct slice cookie)
{
    note->hit.status = 200;
    bool recorded = context_record(context, conn, &note->hit);
    answer_pixel(&context->answers, conn, recorded ? cookie : SLICE_NONE);
}

// The programme that the path names, and the visitor by its policy; the hit is invalid where there is none.
static bool program_find(struct context *context, struct note *note, const struct http_request *request,
                         struct slice name, enum consent consent, struct catalog_program *program)
{
    char code[CATALOG_KEY_MAX];
    size_t len;
    bool found = query_decode_path(name, code, sizeof(code), &len) == 0 &&
                 catalog_program_find_code(context->catalog, (struct slice){code, len}, program);

    note_visitor(note, context, request, found ? program : NULL, consent);
    if (!found) {
        note_invalidate(note, HIT_REASON_LINK_UNKNOWN);
        return false;
    }
    note->hit.program_id = program->id;
    if (!program->active)
        note_invalidate(note, HIT_REASON_LINK_INACTIVE);
    return true;
}

void pixel_impression_answer(struct context *context, struct http_conn *conn,
                             const struct http_request *request, struct slice name)
{
    char slug[CATALOG_KEY_MAX];
    size_t len;
    struct note note;
    struct params params;
    struct catalog_link link;
    struct catalog_program program;

    note_start(&note, context, request, HIT_IMPRESSION, name);
    params_read(request->query, &context->scratch, &params, note.hit.field);
    if (query_decode_path(name, slug, sizeof(slug), &len) != 0 ||
        !catalog_link_find(context->catalog, (struct slice){slug, len}, &link)) {
        note_visitor(&note, context, request, NULL, params.consent);
        note_invalidate(&note, HIT_REASON_LINK_UNKNOWN);
        answer(context, conn, &note, SLICE_NONE);
        return;
    }
    note.hit.link_id = link.link_id;
    note.hit.program_id = link.program_id;
    note.hit.partner_id = link.partner_id;
    bool has_program = catalog_program_find(context->catalog, link.program_id, &program);
    note_visitor(&note, context, request, has_program ? &program : NULL, params.consent);
    enum hit_reason reason = link_closed(&link, has_program ? &program : NULL, click_id_ms(note.hit.id));
    if (reason != HIT_REASON_NONE)
        note_invalidate(&note, reason);
    answer(context, conn, &note, SLICE_NONE);
}

void pixel_visit_answer(struct context *context, struct http_conn *conn, const struct http_request *request,
                        struct slice name)
{
    struct note note;
    struct params params;
    struct catalog_program program;
    struct slice cookie = SLICE_NONE;

    note_start(&note, context, request, HIT_VISIT, name);
    params_read(request->query, &context->scratch, &params, note.hit.field);
    note_reported_click(&note, params.click_id);
    if (program_find(context, &note, request, name, params.consent, &program))
        cookie = note_visitor_cookie(&note, context, request);
    answer(context, conn, &note, cookie);
}

// The partner, when the code is one of this programme.
static void promo_read(struct context *context, struct note *note, const struct catalog_program *program,
                       struct slice code)
{
    struct catalog_promo_code promo;

    if (!catalog_promo_code_find(context->catalog, code, &promo) || promo.program_id != program->id)
        return;
    note->hit.promo_code_id = promo.promo_code_id;
    note->hit.partner_id = promo.partner_id;
    if (!promo.active)
        note_invalidate(note, HIT_REASON_LINK_INACTIVE);
}

void pixel_promo_answer(struct context *context, struct http_conn *conn, const struct http_request *request,
                        struct slice name)
{
    struct note note;
    struct params params;
    struct catalog_program program;
    struct slice cookie = SLICE_NONE;

    note_start(&note, context, request, HIT_PROMO_ENTRY, name);
    params_read(request->query, &context->scratch, &params, note.hit.field);
    note_reported_click(&note, params.click_id);
    note.hit.field[HIT_PROMO] = params.code;
    if (program_find(context, &note, request, name, params.consent, &program)) {
        if (params.code.len > 0)
            promo_read(context, &note, &program, params.code);
        cookie = note_visitor_cookie(&note, context, request);
    }
    answer(context, conn, &note, cookie);
}
