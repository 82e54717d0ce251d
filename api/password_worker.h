#pragma once

// The child process that computes Argon2id, so that the loop never waits for it. It reads questions from a
// SOCK_SEQPACKET socket, one after another, and answers each.

#include <stdbool.h>

#define PASSWORD_HASH_BYTES     128 // as libsodium writes it, with its NUL
#define PASSWORD_BYTES_MAX      512
#define PASSWORD_MEMORY         (19u << 20) // OWASP: 19 MiB, two passes, one lane
#define PASSWORD_PASSES         2
#define PASSWORD_HASH_OF_NOBODY "" // costs as much as another, and no password fits it

struct password_question {
    bool verify, make; // what is wanted
    unsigned id;
    unsigned given_len, fresh_len;
    char hash[PASSWORD_HASH_BYTES]; // of verify
    char given[PASSWORD_BYTES_MAX]; // is it the password of `hash`?
    char fresh[PASSWORD_BYTES_MAX]; // of make, which is not done where verify failed
};

struct password_answer {
    unsigned id;
    bool good;                      // verified, or nothing was to be verified
    char hash[PASSWORD_HASH_BYTES]; // of the fresh one; "": none was made
};

// Until the other end is closed.
_Noreturn void password_worker_run(int fd);
