// Reads and writes the visitor's cookie. Pure.
//
// Browsers send several cookies of one name when they were set for several paths or domains, and pages set
// what they like: each of ours is tried until one carries our tag. It is a hint only; the click id is what is
// paid for.

#include "tracker/visitor.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/http_cookie.h"

static bool cookie_read(struct slice cookie, const struct click_id_keys *keys, uint8_t out[CLICK_ID_BYTES])
{
    const struct slice name = SLICE(VISITOR_COOKIE_NAME "=");

    if (cookie.len != name.len + CLICK_ID_TEXT_BYTES || memcmp(cookie.data, name.data, name.len) != 0)
        return false;
    struct slice value = {cookie.data + name.len, CLICK_ID_TEXT_BYTES};
    return click_id_parse(value, out) == 0 && click_id_check(keys, out) == 0;
}

bool visitor_read(const struct http_request *request, const struct heads *heads,
                  const struct click_id_keys *keys, uint8_t out[CLICK_ID_BYTES])
{
    struct http_cookies cookies = http_cookies_of(request);
    struct slice pair;

    if (heads->n[HEAD_COOKIE] == 0)
        return false;
    for (unsigned seen = 0; seen < VISITOR_COOKIES_MAX && http_cookie_next(&cookies, &pair); seen++) {
        if (cookie_read(pair, keys, out))
            return true;
    }
    return false;
}

bool visitor_opted_out(const struct heads *heads)
{
    return slice_equal(heads->value[HEAD_SEC_GPC], SLICE("1"));
}

static void add(struct bytes_writer *writer, struct slice text)
{
    bytes_write(writer, text.data, text.len);
}

static void add_value(struct bytes_writer *writer, const uint8_t *id)
{
    char text[CLICK_ID_TEXT_BYTES];

    add(writer, SLICE(VISITOR_COOKIE_NAME "="));
    if (!id) {
        add(writer, SLICE("; Max-Age=0; Path=/"));
        return;
    }
    click_id_format(id, text);
    add(writer, (struct slice){text, sizeof(text)});
    add(writer, SLICE("; Max-Age=" VISITOR_COOKIE_AGE_S "; Path=/"));
}

size_t visitor_cookie_write(const struct visitor_cookie *cookie, char out[VISITOR_COOKIE_BYTES_MAX])
{
    struct bytes_writer writer = bytes_writer(out, VISITOR_COOKIE_BYTES_MAX);

    add_value(&writer, cookie->id);
    if (cookie->domain.len > 0 && cookie->domain.len <= VISITOR_DOMAIN_MAX) {
        add(&writer, SLICE("; Domain="));
        add(&writer, cookie->domain);
    }
    add(&writer, cookie->cross_site && cookie->secure ? SLICE("; HttpOnly; SameSite=None")
                                                      : SLICE("; HttpOnly; SameSite=Lax"));
    if (cookie->secure)
        add(&writer, SLICE("; Secure"));
    assert(!writer.overflow);
    return (size_t)((char *)writer.at - out);
}
