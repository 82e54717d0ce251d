// /t.js: the same bytes for everybody. Records nothing; the script asks for /v/{programme}.gif, which does.

#include "tracker/tag.h"

#include "tracker/endpoints.h"

void tag_answer(struct context *context, struct http_conn *conn, const struct http_request *request,
                struct slice name)
{
    (void)request;
    (void)name;
    answer_script(&context->answers, conn, (struct slice){(const char *)tag_script, tag_script_bytes});
}
