#pragma once

// The one door to Redis: a synchronous client for programs without a loop, an asynchronous link for libevent.
// An error reply is never a success: ask redis_reply_condition() before anything else. The
// program must ignore SIGPIPE.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/util.h"

#define REDIS_ERROR_BYTES 256
#define REDIS_PENDING_MAX 65536 // commands of one link that wait for their reply

struct event_base;
struct redis_client;
struct redis_link;
struct redis_reply;

// Zero timeouts mean the default in brackets. The strings must outlive the connection.
struct redis_options {
    const char *address;         // "/path/of/socket", "host:port" or "[v6]:port"
    const char *user, *password; // NULL: none; never logged
    unsigned connect_timeout_ms; // [1000]
    unsigned reply_timeout_ms;   // of the oldest unanswered command [5000]
};

enum redis_condition {
    REDIS_LOADING = 1, // reads its data set
    REDIS_READONLY,    // a replica
    REDIS_OOM,         // maxmemory
    REDIS_MISCONF,     // cannot persist
    REDIS_NOAUTH,      // NOAUTH, WRONGPASS, NOPERM
    REDIS_MOVED,       // a cluster: MOVED, ASK, CLUSTERDOWN
    REDIS_BUSY,        // a script runs
    REDIS_OTHER_ERROR, // any other error reply
    REDIS_NO_REPLY,    // the connection ended first: done or not, nobody knows
};

enum redis_type {
    REDIS_TYPE_NONE, // no reply
    REDIS_TYPE_NIL,
    REDIS_TYPE_TEXT, // bulk string or status
    REDIS_TYPE_INTEGER,
    REDIS_TYPE_ARRAY,
    REDIS_TYPE_ERROR,
};

// All take NULL (no reply). Slices and elements live as long as the reply.
int redis_reply_condition(const struct redis_reply *reply); // 0 or an enum redis_condition
enum redis_type redis_reply_type(const struct redis_reply *reply);
struct slice redis_reply_text(const struct redis_reply *reply); // of TEXT and ERROR, else SLICE_NONE
int64_t redis_reply_integer(const struct redis_reply *reply);   // of INTEGER, else 0
size_t redis_reply_length(const struct redis_reply *reply);     // of ARRAY, else 0
const struct redis_reply *redis_reply_element(const struct redis_reply *reply, size_t i); // or NULL
// The value behind `name` in a flat array of names and values (CONFIG GET, HGETALL, a stream entry), or NULL.
const struct redis_reply *redis_reply_value(const struct redis_reply *reply, const char *name);
struct redis_reply *redis_reply_free(struct redis_reply *reply); // NULL; takes NULL

const char *redis_condition_name(int condition); // "loading", "oom", ...

// The value of a line "name:value" of an INFO text, or SLICE_NONE.
struct slice redis_info_field(struct slice info, const char *name);

// --- Synchronous. After a negative result the client is broken: close it and open another. ---

// 0, or negative errno with why in error (no secret). Logs in if a password is given.
must_check int redis_client_open(struct redis_client **client, const struct redis_options *options,
                                 char error[REDIS_ERROR_BYTES]);
struct redis_client *redis_client_close(struct redis_client *client); // NULL; takes NULL
const char *redis_client_error(const struct redis_client *client);    // of the last negative result

// One command. *reply is the caller's (redis_reply_free). 0 also for an error reply.
must_check int redis_client_call(struct redis_client *client, const struct slice args[], size_t n,
                                 struct redis_reply **reply);
// Pipelining: append any number, then get as many replies in order.
must_check int redis_client_append(struct redis_client *client, const struct slice args[], size_t n);
must_check int redis_client_get(struct redis_client *client, struct redis_reply **reply);

// --- Asynchronous. Connects at once and again after every loss, with growing pauses (50 ms to 2 s). ---

struct redis_link_events {
    void (*up)(void *ctx);                       // connected and logged in
    void (*down)(void *ctx, const char *reason); // was up and is not any more; pending commands were settled
};

// `reply` is NULL if the connection ended first, and is only good inside the handler.
typedef void redis_handler(void *ctx, const struct redis_reply *reply);

// NULL with errno. The events must outlive the link.
struct redis_link *redis_link_new(struct event_base *base, const struct redis_options *options,
                                  const struct redis_link_events *events, void *ctx);
// NULL; takes NULL. Pending handlers are called with NULL; not from inside a handler.
struct redis_link *redis_link_free(struct redis_link *link);
bool redis_link_is_up(const struct redis_link *link);

// Sends one command; its handler is called exactly once, in the order of sending. 0, -ENOTCONN or -ENOBUFS
// (then the handler is not called).
must_check int redis_link_send(struct redis_link *link, const struct slice args[], size_t n,
                               redis_handler *handler, void *ctx);
// From now on a command may wait so long for others, so that they share a write and a wake-up of Redis; 0, as
// at first: none does, and those that wait go. What is long enough goes at once.
void redis_link_gather(struct redis_link *link, unsigned ms);
// Gives the connection up, as if it had been lost; it is made anew. Fine inside a handler.
void redis_link_reset(struct redis_link *link, const char *reason);
