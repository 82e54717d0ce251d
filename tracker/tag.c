// /t.js: the same bytes for everybody, gzipped for those who take that. Records nothing; the script asks for
// /v/{programme}.gif, which does.

#include "tracker/tag.h"

#include "base/http_char.h"
#include "tracker/endpoints.h"

// The next item of a list by comma, without blanks. false: there is none.
static bool item_next(struct slice *list, struct slice *item)
{
    if (list->len == 0)
        return false;
    const char *comma = memchr(list->data, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->data) : list->len, skip = comma ? len + 1 : len;

    *item = slice_trim((struct slice){list->data, len});
    *list = (struct slice){list->data + skip, list->len - skip};
    return true;
}

// Whether the parameters of an item are a weight of nothing: "q=0", "q=0.00".
static bool weighs_nothing(struct slice weight)
{
    weight = slice_trim(weight);
    if (weight.len < 3 || http_char_lower(weight.data[0]) != 'q' || weight.data[1] != '=')
        return false;
    for (size_t i = 2; i < weight.len; i++)
        if (weight.data[i] != '0' && weight.data[i] != '.')
            return false;
    return true;
}

bool tag_gzip_accepted(struct slice accept)
{
    bool any = false;

    for (struct slice item; item_next(&accept, &item);) {
        const char *semicolon = item.len > 0 ? memchr(item.data, ';', item.len) : NULL;
        size_t len = semicolon ? (size_t)(semicolon - item.data) : item.len, skip = semicolon ? len + 1 : len;
        struct slice coding = slice_trim((struct slice){item.data, len});
        bool good = !weighs_nothing((struct slice){item.data + skip, item.len - skip});
        if (http_char_same(coding, SLICE("gzip")))
            return good;
        any |= good && slice_equal(coding, SLICE("*"));
    }
    return any;
}

bool tag_etag_matches(struct slice list, struct slice etag)
{
    for (struct slice item; item_next(&list, &item);) {
        if (item.len > 2 && memcmp(item.data, "W/", 2) == 0)
            item = (struct slice){item.data + 2, item.len - 2};
        if (slice_equal(item, etag) || slice_equal(item, SLICE("*")))
            return true;
    }
    return false;
}

void tag_answer(struct context *context, struct http_conn *conn, const struct http_request *request,
                struct slice name)
{
    bool gzip = tag_gzip_accepted(http_request_header(request, SLICE("Accept-Encoding")));
    const struct tag_body *body = gzip ? &tag_gzip : &tag_plain;
    bool known = tag_etag_matches(http_request_header(request, SLICE("If-None-Match")), body->etag);

    (void)context;
    (void)name;
    answer_script(conn, known ? 304 : 200, body->etag, gzip, body->script);
}
