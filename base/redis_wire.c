// What the Redis door does to text: commands in RESP, addresses, error classes, INFO. Pure, knows no hiredis.
// Invariant: what is sent is length-prefixed, so that no argument can become a command. Limits: an address of
// REDIS_ADDRESS_MAX bytes.

#include "base/redis_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/redis.h"

#define ARGUMENT_HEAD_MAX 24 // "$<20 digits>\r\n"

static const struct {
    const char *prefix;
    int condition;
} error_classes[] = {
    {"LOADING", REDIS_LOADING},   {"READONLY", REDIS_READONLY}, {"OOM", REDIS_OOM},
    {"MISCONF", REDIS_MISCONF},   {"NOAUTH", REDIS_NOAUTH},     {"WRONGPASS", REDIS_NOAUTH},
    {"NOPERM", REDIS_NOAUTH},     {"MOVED", REDIS_MOVED},       {"ASK", REDIS_MOVED},
    {"CLUSTERDOWN", REDIS_MOVED}, {"BUSY", REDIS_BUSY},
};

int redis_error_class(struct slice text)
{
    const char *blank = memchr(text.data, ' ', text.len);
    struct slice word = {text.data, blank ? (size_t)(blank - text.data) : text.len};

    for (size_t i = 0; i < array_length(error_classes); i++) {
        if (slice_equal(word, slice_of(error_classes[i].prefix)))
            return error_classes[i].condition;
    }
    return REDIS_OTHER_ERROR;
}

const char *redis_condition_name(int condition)
{
    static const char *const names[] = {"ok",     "loading", "readonly", "oom",   "misconf",
                                        "noauth", "moved",   "busy",     "error", "no_reply"};
    return condition >= 0 && condition < (int)array_length(names) ? names[condition] : "unknown";
}

struct slice redis_info_field(struct slice info, const char *name)
{
    size_t name_len = strlen(name);

    while (info.len > 0) {
        const char *end = memchr(info.data, '\n', info.len);
        size_t line = end ? (size_t)(end - info.data) : info.len;
        size_t text = line > 0 && info.data[line - 1] == '\r' ? line - 1 : line;
        if (text > name_len && memcmp(info.data, name, name_len) == 0 && info.data[name_len] == ':')
            return (struct slice){info.data + name_len + 1, text - name_len - 1};
        line += end ? 1 : 0;
        info = (struct slice){info.data + line, info.len - line};
    }
    return SLICE_NONE;
}

int redis_command_format(struct redis_command *command, const struct slice args[], size_t n)
{
    size_t need = ARGUMENT_HEAD_MAX;

    for (size_t i = 0; i < n; i++)
        need += ARGUMENT_HEAD_MAX + args[i].len + 2;
    if (need > command->room) {
        char *bytes = realloc(command->bytes, need * 2);
        if (!bytes)
            return -ENOMEM;
        command->bytes = bytes;
        command->room = need * 2;
    }
    char *at = command->bytes + sprintf(command->bytes, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++) {
        at += sprintf(at, "$%zu\r\n", args[i].len);
        if (args[i].len > 0)
            memcpy(at, args[i].data, args[i].len);
        at += args[i].len;
        *at++ = '\r';
        *at++ = '\n';
    }
    command->len = (size_t)(at - command->bytes);
    return 0;
}

int redis_address_parse(const char *text, struct redis_address *address)
{
    size_t len = strlen(text);
    const char *colon = strrchr(text, ':');

    *address = (struct redis_address){.port = 0};
    if (len == 0 || len >= REDIS_ADDRESS_MAX)
        return -EINVAL;
    if (text[0] == '/') {
        memcpy(address->host, text, len);
        return 0;
    }
    if (!colon || colon == text)
        return -EINVAL;
    char *end;
    long port = strtol(colon + 1, &end, 10);
    if (*end || end == colon + 1 || port < 1 || port > 65535)
        return -EINVAL;
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    size_t host = (size_t)(colon - text) - (bracketed ? 2 : 0);
    memcpy(address->host, text + (bracketed ? 1 : 0), host);
    address->port = (int)port;
    return host > 0 ? 0 : -EINVAL;
}
