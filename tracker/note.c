// Fills the part of a hit that is the same for all endpoints.

#include "tracker/note.h"

#include "tracker/classify.h"
#include "tracker/text.h"

// Every field at its limit, the lengths of the text fields included, still is a hit.
_Static_assert(HIT_FIELD_MAX + PARAMS_PAGE_MAX + 17 * (PARAMS_TEXT_MAX + 3) + NOTE_HOST_MAX + NOTE_PATH_MAX +
                       NOTE_USER_AGENT_MAX + NOTE_REFERRER_MAX + FACTS_LANGUAGE_MAX + 1024 <=
                   HIT_RECORD_MAX,
               "a click that says all it may must be recordable");

// What is behind the path may name a person (RFC 9110, 10.1.3).
static struct slice referrer_cut(struct slice referrer)
{
    const char *scheme = referrer.len > 0 ? memmem(referrer.data, referrer.len, "://", 3) : NULL;
    size_t skip = scheme ? (size_t)(scheme + 3 - referrer.data) : 0, len = skip;

    while (len < referrer.len && referrer.data[len] != '?' && referrer.data[len] != '#')
        len++;
    return (struct slice){referrer.data ? referrer.data + skip : NULL, len - skip};
}

static void facts_note(struct note *note)
{
    const struct facts *facts = &note->facts;
    struct slice *field = note->hit.field;
    struct bytes_writer asn = bytes_writer(note->asn, sizeof(note->asn));

    field[HIT_LANGUAGE] = facts->language;
    if (facts->country[0] != '\0')
        field[HIT_COUNTRY] = (struct slice){facts->country, HIT_COUNTRY_BYTES};
    if (facts->region_len > 0)
        field[HIT_REGION] = (struct slice){facts->region, facts->region_len};
    if (facts->asn > 0) {
        bytes_write_varint(&asn, facts->asn);
        field[HIT_ASN] = (struct slice){(const char *)note->asn, (size_t)(asn.at - note->asn)};
    }
    if (facts->device > 0)
        field[HIT_DEVICE] = (struct slice){(const char *)&facts->device, 1};
    if (facts->os > 0)
        field[HIT_OS] = (struct slice){(const char *)&facts->os, 1};
    if (facts->browser > 0)
        field[HIT_BROWSER] = (struct slice){(const char *)&facts->browser, 1};
}

static void address_note(struct note *note, const struct context *context, const struct in6_addr *client)
{
    struct slice *field = note->hit.field;

    if (!address_slice(client).data) // a unix socket
        return;
    address_hash(context->address_key, client, note->address_hash);
    field[HIT_ADDRESS_HASH] = (struct slice){(const char *)note->address_hash, ADDRESS_HASH_BYTES};
    if (context->config->address_policy == ADDRESS_NONE)
        return;
    note->address = context->config->address_policy == ADDRESS_FULL ? *client : address_network_of(client);
    field[HIT_ADDRESS] = address_slice(&note->address);
}

void note_start(struct note *note, struct context *context, const struct http_request *request,
                enum hit_kind kind, struct slice path)
{
    const struct heads *heads = &note->heads;
    struct slice *field = note->hit.field;

    heads_read(&note->heads, request);
    const struct in6_addr client = address_client(context->proxies, request, heads);
    facts_expect(context->reference, &client);
    note->hit = (struct hit){.kind = (uint8_t)kind, .catalog_revision = catalog_revision(context->catalog)};
    click_id_next(&context->generator, context->now_ms, note->hit.id);
    click_id_format(note->hit.id, note->id_text);
    address_note(note, context, &client);
    field[HIT_HOST] = text_keep(request->host, NOTE_HOST_MAX, &context->scratch);
    field[HIT_METHOD] = request->method_name;
    field[HIT_PATH] = text_keep(path, NOTE_PATH_MAX, &context->scratch);
    field[HIT_USER_AGENT] = text_keep(heads->value[HEAD_USER_AGENT], NOTE_USER_AGENT_MAX, &context->scratch);
    field[HIT_REFERRER] =
        text_keep(referrer_cut(heads->value[HEAD_REFERRER]), NOTE_REFERRER_MAX, &context->scratch);
    facts_read(&note->facts, context->reference, heads, &client);
    facts_note(note);
    struct classification found = classify(request->method, heads, &note->facts, kind == HIT_CLICK);
    note->hit.class = (uint8_t)found.class;
    note->hit.reason = (uint8_t)found.reason;
    field[HIT_CLASS_VERSION] =
        (struct slice){(const char *)context->reference->version, context->reference->version_bytes};
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

void note_visitor(struct note *note, struct context *context, const struct http_request *request,
                  const struct catalog_program *program, enum consent consent)
{
    note->visitor_policy = program
                               ? catalog_visitor_policy(program, request->host)
                               : (struct catalog_visitor_policy){.consent_needed = true}; // nobody could ask
    note->consent = consent;
    note->visitor_came = visitor_read(request, &note->heads, context->keys, note->visitor);
    note->visitor_refused = visitor_opted_out(&note->heads) || consent == CONSENT_REFUSED ||
                            (note->visitor_policy.consent_needed && consent != CONSENT_GIVEN);
    if (note->visitor_came && !note->visitor_refused)
        note->hit.field[HIT_VISITOR] = (struct slice){(const char *)note->visitor, CLICK_ID_BYTES};
}

struct slice note_visitor_cookie(struct note *note, struct context *context,
                                 const struct http_request *request)
{
    bool forget = note->visitor_came && note->consent == CONSENT_REFUSED;

    if (!note->visitor_policy.cookie ||
        (!forget && (note->visitor_refused || note->hit.class != HIT_CLASS_HUMAN)))
        return SLICE_NONE;
    if (!note->visitor_came) {
        click_id_next(&context->generator, context->now_ms, note->visitor);
        note->hit.field[HIT_VISITOR] = (struct slice){(const char *)note->visitor, CLICK_ID_BYTES};
    }
    const struct visitor_cookie cookie = {.id = forget ? NULL : note->visitor,
                                          .domain = note->visitor_policy.domain,
                                          .secure = address_secure(context->proxies, request, &note->heads),
                                          .cross_site = note->visitor_policy.cross_site};
    return (struct slice){note->cookie, visitor_cookie_write(&cookie, note->cookie)};
}
