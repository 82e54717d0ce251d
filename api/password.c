// The near end of the password process. Owner: the service, on its loop. Invariants: one question is under
// way, the others wait in their order; each is answered once; after a death nothing of the process before is
// read. Limits: PASSWORD_WAITING_MAX questions, PASSWORD_TIMEOUT_MS each.

#include "api/password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "base/log.h"

#define WORKER_FD 3 // of the child

struct waiting {
    TAILQ_ENTRY(waiting) entry;
    password_done *done;
    void *ctx;
    struct password_question question;
};

struct password_service {
    struct event_base *base;
    TAILQ_HEAD(, waiting) queue; // the first one is under way when `asked`
    unsigned n_waiting, next_id;
    bool asked;
    pid_t pid; // 0: there is no process
    int fd;
    struct event *readable, *timer, *go; // go: sends the next question, outside of password_ask()
};

// --- The process

static _Noreturn void child_main(int fd, pid_t parent)
{
    sigset_t none;
    signal(SIGTERM, SIG_IGN); // it ends with its parent, which may still have requests to answer
    signal(SIGINT, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || (fd != WORKER_FD && dup2(fd, WORKER_FD) != WORKER_FD))
        _exit(EXIT_FAILURE);
    closefrom(WORKER_FD + 1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    password_worker_run(WORKER_FD);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx);

static int process_start(struct password_service *service)
{
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        child_main(ends[1], parent);
    int result = -errno;
    close(ends[1]);
    service->readable =
        pid > 0 ? event_new(service->base, ends[0], EV_READ | EV_PERSIST, on_readable, service) : NULL;
    if (pid > 0 && service->readable && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
        event_add(service->readable, NULL) == 0) {
        service->pid = pid;
        service->fd = ends[0];
        return 0;
    }
    if (service->readable)
        event_free(service->readable);
    service->readable = NULL;
    close(ends[0]); // a child sees its end
    if (pid > 0) {
        waitpid(pid, NULL, 0);
        result = -ENOMEM;
    }
    return result;
}

static void process_end(struct password_service *service)
{
    if (service->pid == 0)
        return;
    event_free(service->readable);
    service->readable = NULL;
    close(service->fd);
    kill(service->pid, SIGKILL);
    waitpid(service->pid, NULL, 0);
    service->pid = 0;
}

// --- Questions

static void answer_first(struct password_service *service, const struct password_answer *answer)
{
    struct waiting *waiting = TAILQ_FIRST(&service->queue);
    TAILQ_REMOVE(&service->queue, waiting, entry);
    service->n_waiting--;
    service->asked = false;
    evtimer_del(service->timer);
    if (service->n_waiting > 0)
        event_active(service->go, EV_TIMEOUT, 0);
    waiting->done(waiting->ctx, answer);
    sodium_memzero(waiting, sizeof(*waiting));
    free(waiting);
}

static void process_failed(struct password_service *service, const char *why, int error)
{
    log_event(LOG_ERROR, "password.process_failed", log_str("why", why), log_errno(error));
    process_end(service);
    if (service->asked)
        answer_first(service, NULL);
}

static void ask_first(struct password_service *service)
{
    const struct timeval limit = {.tv_sec = PASSWORD_TIMEOUT_MS / 1000};
    struct waiting *waiting = TAILQ_FIRST(&service->queue);
    service->asked = true;
    int result = service->pid ? 0 : process_start(service);
    if (result < 0) {
        process_failed(service, "not started", result);
        return;
    }
    waiting->question.id = ++service->next_id;
    if (send(service->fd, &waiting->question, sizeof(waiting->question), MSG_NOSIGNAL) !=
        sizeof(waiting->question)) {
        process_failed(service, "gone", -errno);
        return;
    }
    evtimer_add(service->timer, &limit);
}

static void on_go(evutil_socket_t fd, short what, void *ctx)
{
    struct password_service *service = ctx;
    (void)fd;
    (void)what;
    if (!service->asked && service->n_waiting > 0)
        ask_first(service);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    process_failed(ctx, "too slow", -ETIMEDOUT);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct password_service *service = ctx;
    struct password_answer answer;
    (void)what;
    ssize_t n = read(fd, &answer, sizeof(answer));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != sizeof(answer) || !service->asked || answer.id != service->next_id)
        process_failed(service, n > 0 ? "said something else" : "died", n < 0 ? -errno : 0);
    else
        answer_first(service, &answer);
}

// --- For the service

struct password_service *password_service_new(struct event_base *base)
{
    struct password_service *service = calloc(1, sizeof(*service));
    if (!service)
        return NULL;
    service->base = base;
    TAILQ_INIT(&service->queue);
    service->timer = evtimer_new(base, on_timer, service);
    service->go = evtimer_new(base, on_go, service);
    return service->timer && service->go ? service : password_service_free(service);
}

struct password_service *password_service_free(struct password_service *service)
{
    if (!service)
        return NULL;
    process_end(service);
    while (service->n_waiting > 0)
        answer_first(service, NULL);
    if (service->timer)
        event_free(service->timer);
    if (service->go)
        event_free(service->go);
    free(service);
    return NULL;
}

int password_ask(struct password_service *service, const struct password_work *work, password_done *done,
                 void *ctx)
{
    if (service->n_waiting >= PASSWORD_WAITING_MAX)
        return PASSWORD_FULL;
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (!waiting)
        return -ENOMEM;
    struct password_question *question = &waiting->question;
    waiting->done = done;
    waiting->ctx = ctx;
    question->verify = work->hash;
    question->make = work->fresh.data;
    question->given_len = (unsigned)work->given.len;
    question->fresh_len = (unsigned)work->fresh.len;
    if (work->hash)
        strncpy(question->hash, work->hash, sizeof(question->hash) - 1);
    if (work->given.len > 0)
        memcpy(question->given, work->given.data, work->given.len);
    if (work->fresh.len > 0)
        memcpy(question->fresh, work->fresh.data, work->fresh.len);
    TAILQ_INSERT_TAIL(&service->queue, waiting, entry);
    service->n_waiting++;
    event_active(service->go, EV_TIMEOUT, 0);
    return 0;
}
