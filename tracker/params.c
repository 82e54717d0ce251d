// Reads a click's query. Pure; bounded by QUERY_PARAMS_MAX parameters and by the length of each.

#include "tracker/params.h"

#include "base/query.h"
#include "base/sub_id.h"
#include "tracker/text.h"

#define NAME_BYTES_MAX 32

enum role {
    ROLE_FIELD,   // kept
    ROLE_PASSED,  // kept and passed on
    ROLE_NETWORK, // an ad network's click id: kept with its name, passed on
    ROLE_TO,
    ROLE_CLICK_ID,
    ROLE_CODE,
    ROLE_CONSENT,
};

struct known {
    struct slice name;
    enum role role;
    enum hit_field field;
};

#define KNOWN(text, role, field)                                                                             \
    {                                                                                                        \
        {text, sizeof(text) - 1}, role, field                                                                \
    }

static const struct known known[] = {
    KNOWN("utm_source", ROLE_PASSED, HIT_UTM_SOURCE),
    KNOWN("utm_medium", ROLE_PASSED, HIT_UTM_MEDIUM),
    KNOWN("utm_campaign", ROLE_PASSED, HIT_UTM_CAMPAIGN),
    KNOWN("utm_content", ROLE_PASSED, HIT_UTM_CONTENT),
    KNOWN("utm_term", ROLE_PASSED, HIT_UTM_TERM),
    KNOWN("erid", ROLE_PASSED, HIT_ERID),
    KNOWN("gclid", ROLE_NETWORK, HIT_AD_CLICK_ID),
    KNOWN("yclid", ROLE_NETWORK, HIT_AD_CLICK_ID),
    KNOWN("fbclid", ROLE_NETWORK, HIT_AD_CLICK_ID),
    KNOWN("ttclid", ROLE_NETWORK, HIT_AD_CLICK_ID),
    KNOWN("msclkid", ROLE_NETWORK, HIT_AD_CLICK_ID),
    KNOWN("rb_clickid", ROLE_NETWORK, HIT_AD_CLICK_ID),
    KNOWN("to", ROLE_TO, 0),
    KNOWN("click_id", ROLE_CLICK_ID, 0),
    KNOWN("code", ROLE_CODE, 0),
    KNOWN("page", ROLE_FIELD, HIT_PAGE),
    KNOWN("consent", ROLE_CONSENT, 0),
};

static const struct known *known_find(struct slice name)
{
    for (size_t i = 0; i < array_length(known); i++)
        if (slice_equal(known[i].name, name))
            return &known[i];
    return NULL;
}

static void keep(struct slice *field, struct slice value, size_t max, struct scratch *scratch)
{
    if (!field->data && value.len > 0)
        *field = text_decode(value, max, scratch);
}

static void pass(struct params *params, struct slice name, struct slice value)
{
    for (size_t i = 0; i < params->n_passed; i++)
        if (slice_equal(params->passed[i].name, name))
            return;
    if (value.len > 0 && params->n_passed < PARAMS_PASSED_MAX)
        params->passed[params->n_passed++] = (struct params_passed){name, value};
}

static void read_to(struct slice value, struct scratch *scratch, struct params *params)
{
    size_t len = 0;
    char *out = scratch_take(scratch, value.len);
    bool good = out && !params->to_given && value.len > 0 && query_decode(value, out, value.len, &len) == 0;

    params->to = good ? (struct slice){out, len} : SLICE_NONE;
    params->to_given = true;
}

static void read_consent(struct slice value, enum consent *consent)
{
    bool given = slice_equal(value, SLICE("1")) && *consent != CONSENT_REFUSED;

    *consent = given ? CONSENT_GIVEN : CONSENT_REFUSED;
}

static void read_known(const struct known *row, struct slice value, struct scratch *scratch,
                       struct params *params, struct slice field[HIT_FIELD_COUNT])
{
    switch (row->role) {
    case ROLE_NETWORK:
        if (!field[HIT_AD_NETWORK].data && value.len > 0)
            field[HIT_AD_NETWORK] = row->name;
        pass(params, row->name, value);
        keep(&field[row->field], value, PARAMS_TEXT_MAX, scratch);
        return;
    case ROLE_PASSED:
        pass(params, row->name, value);
        keep(&field[row->field], value, PARAMS_TEXT_MAX, scratch);
        return;
    case ROLE_FIELD:
        keep(&field[row->field], value, PARAMS_PAGE_MAX, scratch);
        return;
    case ROLE_TO:
        read_to(value, scratch, params);
        return;
    case ROLE_CLICK_ID:
        keep(&params->click_id, value, PARAMS_TEXT_MAX, scratch);
        return;
    case ROLE_CODE:
        keep(&params->code, value, PARAMS_TEXT_MAX, scratch);
        return;
    case ROLE_CONSENT:
        read_consent(value, &params->consent);
        return;
    }
}

void params_read(struct slice text, struct scratch *scratch, struct params *params,
                 struct slice field[HIT_FIELD_COUNT])
{
    struct query query;
    struct query_param param;
    char buffer[NAME_BYTES_MAX];

    *params = (struct params){0};
    query_start(&query, text);
    while (query_next(&query, &param) == 0) {
        struct slice name = {buffer, 0};
        if (query_decode(param.name, buffer, sizeof(buffer), &name.len) != 0)
            continue;
        const struct known *row = known_find(name);
        enum hit_field sub = row ? 0 : sub_id_field(name);
        if (row)
            read_known(row, param.value, scratch, params, field);
        else if (sub)
            keep(&field[sub], param.value, PARAMS_TEXT_MAX, scratch);
    }
}

enum consent params_consent(struct slice text)
{
    enum consent consent = CONSENT_UNSAID;
    struct query query;
    struct query_param param;
    char buffer[NAME_BYTES_MAX];

    query_start(&query, text);
    while (query_next(&query, &param) == 0) {
        struct slice name = {buffer, 0};
        if (query_decode(param.name, buffer, sizeof(buffer), &name.len) == 0 &&
            slice_equal(name, SLICE("consent")))
            read_consent(param.value, &consent);
    }
    return consent;
}
