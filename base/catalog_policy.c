// Extensions of catalog records. Pure; nothing is copied. They were checked when the record was decoded.

#include "base/catalog_policy.h"

#include "base/catalog_read.h"
#include "base/http_char.h"

#define FLAG_CONSENT_NEEDED 1
#define FLAG_CROSS_SITE     2

static struct bytes_reader reader_of(struct slice bytes)
{
    return bytes_reader(bytes.data, bytes.len);
}

static bool texts_valid(struct bytes_reader *r, unsigned group)
{
    unsigned n = 0;

    for (; !r->bad && r->at < r->end; n++)
        if (catalog_read_text(r).len == 0)
            return false;
    return !r->bad && n % group == 0;
}

bool catalog_visitor_valid(struct slice extension)
{
    struct bytes_reader r = reader_of(extension);

    if (extension.len == 0)
        return true;
    uint8_t flags = bytes_read_u8(&r);
    (void)catalog_read_text(&r);
    return !r.bad && flags <= (FLAG_CONSENT_NEEDED | FLAG_CROSS_SITE) && texts_valid(&r, 1);
}

static bool secrets_valid(struct slice secrets)
{
    unsigned n = 0;

    while (catalog_secret_next(&secrets).data)
        n++;
    return n <= CATALOG_SECRETS_MAX;
}

bool catalog_integration_extend(struct catalog_integration *integration, struct slice extension)
{
    struct bytes_reader r = reader_of(extension);

    integration->statuses = integration->secrets = SLICE_NONE;
    if (extension.len == 0)
        return true;
    integration->statuses = catalog_read_text(&r);
    struct bytes_reader statuses = reader_of(integration->statuses);
    integration->secrets = (struct slice){(const char *)r.at, (size_t)(r.end - r.at)};
    return !r.bad && texts_valid(&statuses, 2) && texts_valid(&r, 1) && secrets_valid(integration->secrets);
}

static struct slice without_port(struct slice host)
{
    size_t len = host.len;

    while (len > 0 && host.data[len - 1] >= '0' && host.data[len - 1] <= '9')
        len--;
    return len > 0 && host.data[len - 1] == ':' ? (struct slice){host.data, len - 1} : host;
}

static bool host_listed(struct bytes_reader *hosts, struct slice host)
{
    bool any = hosts->at == hosts->end;

    host = without_port(host);
    while (!any && !hosts->bad && hosts->at < hosts->end)
        any = http_char_same(catalog_read_text(hosts), host);
    return any;
}

struct catalog_visitor_policy catalog_visitor_policy(const struct catalog_program *program, struct slice host)
{
    struct bytes_reader r = reader_of(program->visitor);

    if (program->visitor.len == 0)
        return (struct catalog_visitor_policy){.cookie = program->visitor_cookie};
    uint8_t flags = bytes_read_u8(&r);
    struct slice domain = catalog_read_text(&r);
    return (struct catalog_visitor_policy){
        .cookie = program->visitor_cookie && host_listed(&r, host),
        .consent_needed = (flags & FLAG_CONSENT_NEEDED) != 0,
        .cross_site = (flags & FLAG_CROSS_SITE) != 0,
        .domain = domain,
    };
}

struct slice catalog_integration_status(const struct catalog_integration *integration, struct slice status)
{
    struct bytes_reader r = reader_of(integration->statuses);

    while (!r.bad && r.at < r.end) {
        struct slice theirs = catalog_read_text(&r);
        struct slice ours = catalog_read_text(&r);
        if (!r.bad && http_char_same(theirs, status))
            return ours;
    }
    return SLICE_NONE;
}

struct slice catalog_secret_next(struct slice *secrets)
{
    struct bytes_reader r = reader_of(*secrets);

    if (secrets->len == 0)
        return SLICE_NONE;
    struct slice secret = catalog_read_text(&r);
    *secrets = r.bad ? SLICE_NONE : (struct slice){(const char *)r.at, (size_t)(r.end - r.at)};
    return secret;
}
