// The password process: no loop, no database, one socket. Invariant: verifying costs one Argon2id whoever the
// hash is of, also of nobody, so that its time tells nothing. What it held of a question is wiped before the
// next one.

#include "api/password_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

static bool make(char hash[PASSWORD_HASH_BYTES], const char *password, unsigned len)
{
    _Static_assert(PASSWORD_HASH_BYTES == crypto_pwhash_STRBYTES, "as libsodium writes it");
    return crypto_pwhash_str(hash, password, len, PASSWORD_PASSES, PASSWORD_MEMORY) == 0;
}

static bool verify(const struct password_question *question)
{
    char nobodys[PASSWORD_HASH_BYTES];
    if (*question->hash)
        return crypto_pwhash_str_verify(question->hash, question->given, question->given_len) == 0;
    (void)make(nobodys, question->given, question->given_len);
    return false;
}

static bool answer_question(const struct password_question *question, struct password_answer *answer)
{
    *answer = (struct password_answer){.id = question->id, .good = !question->verify || verify(question)};
    return !answer->good || !question->make || make(answer->hash, question->fresh, question->fresh_len);
}

_Noreturn void password_worker_run(int fd)
{
    static struct password_question question;
    struct password_answer answer;
    for (;;) {
        ssize_t n = read(fd, &question, sizeof(question));
        if (n < 0 && errno == EINTR)
            continue;
        if (n != sizeof(question) || !answer_question(&question, &answer))
            _exit(n == 0 ? EXIT_SUCCESS : EXIT_FAILURE); // no memory: a new process may have some
        sodium_memzero(&question, sizeof(question));
        if (write(fd, &answer, sizeof(answer)) != sizeof(answer))
            _exit(EXIT_FAILURE);
    }
}
