// Clicks: a link's or a promo code's own. The visitor is always sent somewhere if there is anywhere to send
// to; what is wrong with the click is noted in the hit. Fills one hit and answers once.

#include "tracker/endpoints.h"

#include "base/hit_destination.h"
#include "base/query.h"
#include "tracker/link.h"
#include "tracker/note.h"
#include "tracker/rule.h"
#include "tracker/target.h"

struct destination {
    struct slice url; // empty: nowhere
    bool ours;        // a programme's, so that the click id belongs on it
    bool has_macros;  // may have: it is a target
};

struct click {
    struct note note;
    struct params params;
    struct catalog_program program;
    bool has_program;
    struct slice cookie;
};

static struct destination fallback(const struct context *context, const struct click *click, struct slice own)
{
    if (own.len > 0)
        return (struct destination){own, true, false};
    if (click->has_program && click->program.fallback_url.len > 0)
        return (struct destination){click->program.fallback_url, true, false};
    return (struct destination){slice_of(context->config->fallback_url), false, false};
}

static struct destination dead_end(const struct context *context, struct click *click, struct slice own,
                                   enum hit_reason reason)
{
    note_invalidate(&click->note, reason);
    return fallback(context, click, own);
}

static struct destination target_choose(const struct context *context, const struct click *click,
                                        const struct catalog_link *link)
{
    const struct hit *hit = &click->note.hit;
    struct slice target = SLICE_NONE;

    if (link->rules.len > 0) {
        const struct rule_visitor visitor = {
            .facts = &click->note.facts,
            .now_ms = click_id_ms(hit->id),
            .visitor = hit->field[HIT_VISITOR],
            .address = hit->field[hit->field[HIT_ADDRESS_HASH].data ? HIT_ADDRESS_HASH : HIT_ADDRESS],
            .user_agent = hit->field[HIT_USER_AGENT]};
        target = rule_choose(link->rules, &visitor);
    }
    if (!target.data)
        target = link->target_url;
    return target.len > 0 ? (struct destination){target, true, true}
                          : fallback(context, click, link->fallback_url);
}

// Where a link that was found leads. The visitor is known before the rules are asked, so that he is on the
// same side of a split from his first click on.
static struct destination choose(struct context *context, struct click *click,
                                 const struct http_request *request, const struct catalog_link *link)
{
    struct hit *hit = &click->note.hit;

    hit->program_id = link->program_id;
    hit->partner_id = link->partner_id;
    click->has_program = catalog_program_find(context->catalog, link->program_id, &click->program);
    note_visitor(&click->note, context, request, click->has_program ? &click->program : NULL,
                 click->params.consent);
    enum hit_reason reason =
        link_closed(link, click->has_program ? &click->program : NULL, click_id_ms(hit->id));
    if (reason != HIT_REASON_NONE) {
        if (click->params.consent == CONSENT_REFUSED) // no cookie comes of it, but one may go
            click->cookie = note_visitor_cookie(&click->note, context, request);
        return dead_end(context, click, link->fallback_url, reason);
    }
    bool deep = click->params.to_given && target_deep_link_good(click->params.to, &click->program);
    if (click->params.to_given && !deep)
        note_invalidate(&click->note, HIT_REASON_DEEP_LINK_REFUSED);
    click->cookie = note_visitor_cookie(&click->note, context, request);
    return deep ? (struct destination){click->params.to, true, false} : target_choose(context, click, link);
}

static struct destination unknown(struct context *context, struct click *click,
                                  const struct http_request *request)
{
    note_visitor(&click->note, context, request, NULL, click->params.consent);
    return dead_end(context, click, SLICE_NONE, HIT_REASON_LINK_UNKNOWN);
}

static void answer_nowhere(struct context *context, struct http_conn *conn, struct click *click)
{
    click->note.hit.status = 404;
    if (!context_record(context, conn, &click->note.hit))
        metric_add(&context->counters->without_id, 1);
    answer_text(conn, 404, "This link leads nowhere.\n");
}

static struct slice build(struct context *context, const struct click *click, struct destination destination,
                          bool with_id)
{
    const struct macro_values macros = {&click->note.hit, &click->params, &click->note.facts};

    return target_build(destination.url, destination.has_macros ? &macros : NULL, &click->params,
                        with_id ? note_id(&click->note) : SLICE_NONE, &context->scratch);
}

static struct slice destination_fold(struct context *context, const struct click *click, struct slice url)
{
    char *room = scratch_take(&context->scratch, HIT_FIELD_MAX);

    if (!room)
        return (struct slice){url.data, min_of(url.len, (size_t)HIT_FIELD_MAX)};
    return (struct slice){room, hit_destination_fold(url, click->note.id_text, room)};
}

static void answer_somewhere(struct context *context, struct http_conn *conn, struct click *click,
                             struct destination destination)
{
    struct hit *hit = &click->note.hit;
    struct slice url = build(context, click, destination, destination.ours && context_records(context));

    if (!url.data) {
        answer_nowhere(context, conn, click);
        return;
    }
    hit->status = 302;
    hit->field[HIT_DESTINATION] = destination_fold(context, click, url);
    if (!context_record(context, conn, hit)) {
        metric_add(&context->counters->without_id, 1);
        url = build(context, click, destination, false);
        click->cookie = SLICE_NONE;
    }
    answer_redirect(&context->answers, conn, url, click->cookie);
}

static void click_answer(struct context *context, struct http_conn *conn, struct click *click,
                         struct destination destination)
{
    if (destination.url.len > 0)
        answer_somewhere(context, conn, click, destination);
    else
        answer_nowhere(context, conn, click);
}

static void click_start(struct click *click, struct context *context, const struct http_request *request,
                        struct slice name)
{
    note_start(&click->note, context, request, HIT_CLICK, name);
    params_read(request->query, &context->scratch, &click->params, click->note.hit.field);
    click->has_program = false;
    click->cookie = SLICE_NONE;
}

// The decoded name, empty when it is not one.
static struct slice name_decode(struct slice name, char buffer[CATALOG_KEY_MAX])
{
    size_t len = 0;

    return (struct slice){buffer, query_decode_path(name, buffer, CATALOG_KEY_MAX, &len) == 0 ? len : 0};
}

void click_link_answer(struct context *context, struct http_conn *conn, const struct http_request *request,
                       struct slice name)
{
    char buffer[CATALOG_KEY_MAX];
    struct click click;
    struct catalog_link link;
    struct destination destination;

    click_start(&click, context, request, name);
    if (catalog_link_find(context->catalog, name_decode(name, buffer), &link)) {
        click.note.hit.link_id = link.link_id;
        destination = choose(context, &click, request, &link);
    } else {
        destination = unknown(context, &click, request);
    }
    click_answer(context, conn, &click, destination);
}

void click_promo_answer(struct context *context, struct http_conn *conn, const struct http_request *request,
                        struct slice name)
{
    char buffer[CATALOG_KEY_MAX];
    struct click click;
    struct catalog_promo_code promo;
    struct destination destination;

    click_start(&click, context, request, name);
    if (catalog_promo_code_find(context->catalog, name_decode(name, buffer), &promo)) {
        click.note.hit.promo_code_id = promo.promo_code_id;
        click.note.hit.field[HIT_PROMO] = promo.code;
        const struct catalog_link link = {.program_id = promo.program_id,
                                          .partner_id = promo.partner_id,
                                          .active = promo.active,
                                          .target_url = promo.target_url};
        destination = choose(context, &click, request, &link);
    } else {
        destination = unknown(context, &click, request);
    }
    click_answer(context, conn, &click, destination);
}
