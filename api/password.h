#pragma once

// Passwords, asynchronously: questions to the password process, in the order in which they came. The process
// is started with the first use, dies with this one, and is started again when it dies.

#include "api/password_worker.h"
#include "base/slice.h"
#include "base/util.h"

#define PASSWORD_WAITING_MAX 64    // questions; more are refused
#define PASSWORD_TIMEOUT_MS  10000 // of one question; then the process is ended and started again

struct event_base;
struct password_service;

enum password_condition {
    PASSWORD_FULL = 1,
};

// `answer` NULL: the process died of it, or there is none.
typedef void password_done(void *ctx, const struct password_answer *answer);

struct password_work {
    const char *hash;   // what `given` is compared with; NULL: nothing is, PASSWORD_HASH_OF_NOBODY: it fails
    struct slice given; // at most PASSWORD_BYTES_MAX, as `fresh`
    struct slice fresh; // is hashed if `given` is right; .data NULL: nothing is
};

// NULL: no memory.
struct password_service *password_service_new(struct event_base *base);
// NULL; takes NULL. Open questions are answered NULL first.
struct password_service *password_service_free(struct password_service *service);

// Copies the work. `done` is called once, from the loop. 0, PASSWORD_FULL or -ENOMEM (then it is not called).
must_check int password_ask(struct password_service *service, const struct password_work *work,
                            password_done *done, void *ctx);
