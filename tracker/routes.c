// The table of paths. A path that is in it and asked by a method that is not offered gets 405, any other path
// 404.

#include "tracker/routes.h"

struct route {
    struct slice prefix, suffix; // what stands between them names link, code, programme or key
    unsigned methods;            // bits 1 << enum http_method
    const char *allow;
    endpoint *answer;
};

#define READ   (1u << HTTP_GET | 1u << HTTP_HEAD), "GET, HEAD"
#define REPORT (1u << HTTP_GET | 1u << HTTP_POST), "GET, POST"
#define GET    (1u << HTTP_GET), "GET"

#define ROUTE(prefix, suffix, methods, answer)                                                               \
    {                                                                                                        \
        {prefix, sizeof(prefix) - 1}, {suffix, sizeof(suffix) - 1}, methods, answer                          \
    }

static const struct route routes[] = {
    ROUTE("/c/", "", READ, click_link_answer),
    ROUTE("/p/", "", READ, click_promo_answer),
    ROUTE("/i/", ".gif", READ, pixel_impression_answer),
    ROUTE("/v/", ".gif", READ, pixel_visit_answer),
    ROUTE("/promo/", ".gif", READ, pixel_promo_answer),
    ROUTE("/postback/", "", REPORT, report_postback_answer),
    ROUTE("/conv/", ".gif", GET, report_pixel_answer), // a HEAD reports nothing
    ROUTE("/t.js", "", READ, tag_answer),
};

static bool slice_at(struct slice text, size_t at, struct slice part)
{
    return text.len - at >= part.len && memcmp(text.data + at, part.data, part.len) == 0;
}

// A name has at least one character and no slash; only a prefix that ends without one stands for itself.
static bool route_matches(const struct route *route, struct slice path, struct slice *name)
{
    size_t fixed = route->prefix.len + route->suffix.len;
    bool named = route->prefix.data[route->prefix.len - 1] == '/';

    if (path.len < fixed || !slice_at(path, 0, route->prefix) ||
        !slice_at(path, path.len - route->suffix.len, route->suffix))
        return false;
    *name = (struct slice){path.data + route->prefix.len, path.len - fixed};
    return named ? name->len > 0 && !memchr(name->data, '/', name->len) : name->len == 0;
}

static const struct route *route_find(struct slice path, struct slice *name)
{
    for (size_t i = 0; i < array_length(routes); i++)
        if (route_matches(&routes[i], path, name))
            return &routes[i];
    return NULL;
}

void routes_answer(void *ctx, struct http_conn *conn, const struct http_request *request)
{
    struct context *context = ctx;
    struct slice name;
    const struct route *route = route_find(request->path, &name);

    if (!route) {
        metric_add(&context->counters->not_found, 1);
        answer_text(conn, 404, "There is nothing here.\n");
        return;
    }
    if (request->method == HTTP_OTHER || !(route->methods & 1u << request->method)) {
        metric_add(&context->counters->method_refused, 1);
        answer_method(conn, route->allow);
        return;
    }
    context_turn_begin(context);
    scratch_reset(&context->scratch);
    route->answer(context, conn, request, name);
}
