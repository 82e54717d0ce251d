// The door to Redis over hiredis 0.14.1: replies, and the synchronous client. Owner of a client: ingest.
// Limits: ARGUMENT_MAX per command; a host name is looked up blocking.

#include "base/redis.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <hiredis/hiredis.h>

#include "base/redis_internal.h"
#include "base/redis_wire.h"

// --- Replies ---------------------------------------------------------------------------------

static const redisReply *foreign(const struct redis_reply *reply)
{
    return (const void *)reply;
}

int redis_reply_condition(const struct redis_reply *reply)
{
    if (!reply)
        return REDIS_NO_REPLY;
    if (foreign(reply)->type != REDIS_REPLY_ERROR)
        return 0;
    return redis_error_class((struct slice){foreign(reply)->str, foreign(reply)->len});
}

enum redis_type redis_reply_type(const struct redis_reply *reply)
{
    if (!reply)
        return REDIS_TYPE_NONE;
    switch (foreign(reply)->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return REDIS_TYPE_TEXT;
    case REDIS_REPLY_INTEGER:
        return REDIS_TYPE_INTEGER;
    case REDIS_REPLY_ARRAY:
        return REDIS_TYPE_ARRAY;
    case REDIS_REPLY_ERROR:
        return REDIS_TYPE_ERROR;
    }
    return REDIS_TYPE_NIL;
}

struct slice redis_reply_text(const struct redis_reply *reply)
{
    enum redis_type type = redis_reply_type(reply);
    if (type != REDIS_TYPE_TEXT && type != REDIS_TYPE_ERROR)
        return SLICE_NONE;
    return (struct slice){foreign(reply)->str, foreign(reply)->len};
}

int64_t redis_reply_integer(const struct redis_reply *reply)
{
    return redis_reply_type(reply) == REDIS_TYPE_INTEGER ? foreign(reply)->integer : 0;
}

size_t redis_reply_length(const struct redis_reply *reply)
{
    return redis_reply_type(reply) == REDIS_TYPE_ARRAY ? foreign(reply)->elements : 0;
}

const struct redis_reply *redis_reply_element(const struct redis_reply *reply, size_t i)
{
    return i < redis_reply_length(reply) ? (const void *)foreign(reply)->element[i] : NULL;
}

const struct redis_reply *redis_reply_value(const struct redis_reply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < redis_reply_length(reply); i += 2) {
        if (slice_equal(redis_reply_text(redis_reply_element(reply, i)), slice_of(name)))
            return redis_reply_element(reply, i + 1);
    }
    return NULL;
}

struct redis_reply *redis_reply_free(struct redis_reply *reply)
{
    freeReplyObject(reply);
    return NULL;
}

// --- The synchronous client ------------------------------------------------------------------

struct redis_client {
    redisContext *context;
    struct redis_command command;
};

static int context_error(const redisContext *context)
{
    if (context->err == REDIS_ERR_IO && errno != 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return context->err == REDIS_ERR_EOF ? -ECONNRESET : -EIO;
}

static int client_login(struct redis_client *client, const struct redis_options *options,
                        char error[REDIS_ERROR_BYTES])
{
    struct slice args[3];
    struct redis_reply *reply = NULL;

    if (!options->password)
        return 0;
    int r = redis_client_call(client, args, auth_args(options, args), &reply);
    if (r == 0 && redis_reply_condition(reply)) {
        snprintf(error, REDIS_ERROR_BYTES, "login refused (%s)",
                 redis_condition_name(redis_reply_condition(reply)));
        r = -EACCES;
    } else if (r) {
        snprintf(error, REDIS_ERROR_BYTES, "%s", redis_client_error(client));
    }
    redis_reply_free(reply);
    return r;
}

static int client_connect(struct redis_client *client, const struct redis_options *options,
                          char error[REDIS_ERROR_BYTES])
{
    struct timeval wait = ms_timeval(or_default(options->connect_timeout_ms, CONNECT_TIMEOUT_MS));
    struct redis_address address;

    if (redis_address_parse(options->address, &address)) {
        snprintf(error, REDIS_ERROR_BYTES, "not an address: %s", options->address);
        return -EINVAL;
    }
    client->context = address.port ? redisConnectWithTimeout(address.host, address.port, wait)
                                   : redisConnectUnixWithTimeout(address.host, wait);
    if (!client->context)
        return -ENOMEM;
    if (client->context->err) {
        int r = context_error(client->context);
        snprintf(error, REDIS_ERROR_BYTES, "%s: %s", options->address, client->context->errstr);
        return r;
    }
    struct timeval patience = ms_timeval(or_default(options->reply_timeout_ms, REPLY_TIMEOUT_MS));
    if (redisSetTimeout(client->context, patience) != REDIS_OK)
        return -EIO;
    return client_login(client, options, error);
}

int redis_client_open(struct redis_client **out, const struct redis_options *options,
                      char error[REDIS_ERROR_BYTES])
{
    struct redis_client *client = calloc(1, sizeof(*client));

    error[0] = '\0';
    *out = NULL;
    if (!client)
        return -ENOMEM;
    int r = client_connect(client, options, error);
    if (r)
        redis_client_close(client);
    else
        *out = client;
    return r;
}

struct redis_client *redis_client_close(struct redis_client *client)
{
    if (!client)
        return NULL;
    if (client->context)
        redisFree(client->context);
    free(client->command.bytes);
    free(client);
    return NULL;
}

const char *redis_client_error(const struct redis_client *client)
{
    return client->context->errstr;
}

int redis_client_append(struct redis_client *client, const struct slice args[], size_t n)
{
    int r = redis_command_format(&client->command, args, n);
    if (r)
        return r;
    if (redisAppendFormattedCommand(client->context, client->command.bytes, client->command.len) != REDIS_OK)
        return -ENOMEM;
    return 0;
}

int redis_client_get(struct redis_client *client, struct redis_reply **reply)
{
    void *foreign_reply = NULL;

    errno = 0;
    *reply = NULL;
    if (redisGetReply(client->context, &foreign_reply) != REDIS_OK)
        return context_error(client->context);
    *reply = foreign_reply;
    return 0;
}

int redis_client_call(struct redis_client *client, const struct slice args[], size_t n,
                      struct redis_reply **reply)
{
    *reply = NULL;
    int r = redis_client_append(client, args, n);
    return r ? r : redis_client_get(client, reply);
}
