// Fills the part of a hit that is the same for all endpoints.

#include "tracker/note.h"

#include "tracker/classify.h"
#include "tracker/params.h"
#include "tracker/text.h"

// Every field at its limit, the lengths of the text fields included, still is a hit.
_Static_assert(HIT_FIELD_MAX + PARAMS_PAGE_MAX + 17 * (PARAMS_TEXT_MAX + 3) + NOTE_HOST_MAX + NOTE_PATH_MAX +
                       NOTE_USER_AGENT_MAX + NOTE_REFERRER_MAX + NOTE_LANGUAGE_MAX + 1024 <=
                   HIT_RECORD_MAX,
               "a click that says all it may must be recordable");

static struct slice header_keep(struct context *context, const struct http_request *request,
                                struct slice name, size_t max)
{
    return text_keep(http_request_header(request, name), max, &context->scratch);
}

void note_start(struct note *note, struct context *context, const struct http_request *request,
                enum hit_kind kind, struct slice path)
{
    struct classification found = classify(&context->agents, request, kind == HIT_CLICK);
    struct slice *field = note->hit.field;

    note->hit = (struct hit){.kind = (uint8_t)kind,
                             .class = (uint8_t)found.class,
                             .reason = (uint8_t)found.reason,
                             .catalog_revision = catalog_revision(context->catalog)};
    click_id_next(&context->generator, context->now_ms, note->hit.id);
    click_id_format(note->hit.id, note->id_text);
    note->address = address_client(context->proxies, request);
    field[HIT_ADDRESS] = address_slice(&note->address);
    field[HIT_HOST] = text_keep(request->host, NOTE_HOST_MAX, &context->scratch);
    field[HIT_METHOD] = request->method_name;
    field[HIT_PATH] = text_keep(path, NOTE_PATH_MAX, &context->scratch);
    field[HIT_USER_AGENT] = header_keep(context, request, SLICE("User-Agent"), NOTE_USER_AGENT_MAX);
    field[HIT_REFERRER] = header_keep(context, request, SLICE("Referer"), NOTE_REFERRER_MAX);
    field[HIT_LANGUAGE] = header_keep(context, request, SLICE("Accept-Language"), NOTE_LANGUAGE_MAX);
    if (visitor_read(request, context->keys, note->visitor))
        field[HIT_VISITOR] = (struct slice){(const char *)note->visitor, CLICK_ID_BYTES};
}

// Bounded by the clock, not by the last id: else each report could push the ids on a little more.
void note_follow(struct note *note, struct context *context)
{
    struct slice click = note->hit.field[HIT_REPORT_CLICK_ID];
    const uint8_t *id = (const uint8_t *)click.data;

    if (click.len != CLICK_ID_BYTES || click_id_check(context->keys, id) != 0 ||
        click_id_ms(id) < click_id_ms(note->hit.id) || click_id_ms(id) > context->now_ms + NOTE_FOLLOW_MS_MAX)
        return;
    click_id_next(&context->generator, click_id_ms(id) + 1, note->hit.id);
    click_id_format(note->hit.id, note->id_text);
}

struct slice note_id(const struct note *note)
{
    return (struct slice){note->id_text, CLICK_ID_TEXT_BYTES};
}

void note_invalidate(struct note *note, enum hit_reason reason)
{
    if (note->hit.class != HIT_CLASS_HUMAN)
        return;
    note->hit.class = HIT_CLASS_INVALID;
    note->hit.reason = (uint8_t)reason;
}

void note_reported_click(struct note *note, struct slice click_id)
{
    if (click_id.data && click_id_parse(click_id, note->click_id) == 0)
        note->hit.field[HIT_REPORT_CLICK_ID] = (struct slice){(const char *)note->click_id, CLICK_ID_BYTES};
}

struct slice note_visitor_cookie(struct note *note, struct context *context,
                                 const struct http_request *request, const struct catalog_program *program)
{
    struct slice *visitor = &note->hit.field[HIT_VISITOR];

    if (!program->visitor_cookie || note->hit.class != HIT_CLASS_HUMAN || visitor_opted_out(request))
        return SLICE_NONE;
    if (!visitor->data) {
        click_id_next(&context->generator, context->now_ms, note->visitor);
        *visitor = (struct slice){(const char *)note->visitor, CLICK_ID_BYTES};
    }
    size_t len = visitor_cookie_write(note->visitor, address_secure(context->proxies, request), note->cookie);
    return (struct slice){note->cookie, len};
}
