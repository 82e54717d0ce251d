// Replay of dead letters. Owner: the command. Each letter is a transaction of its own; one that does not go
// in stays, with the new reason; a frame stays until its producer's position shows that it was applied.
// Limits: FILE_BYTES_MAX of a repaired letter, TRIES_MAX attempts when PostgreSQL says that the same may work
// later, REPLAY_FRAME_WAIT_MS for a frame to be applied; when one was not, the next ones are not waited for.

#include "ingest/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/clock.h"
#include "ingest/replay_frame.h"
#include "ingest/replay_rows.h"
#include "ingest/service.h"
#include "ingest/stream.h"
#include "ingest/takeover.h"

#define FILE_BYTES_MAX (FRAME_PAYLOAD_MAX + FRAME_HEADER_BYTES)
#define TRIES_MAX      5
#define FILE_MODE      0600 // letters hold what visitors sent

struct replay {
    const struct ingest_settings *settings;
    struct letter_choice choice;
    const char *file, *save;
    bool list, dry_run;
    struct pg *pg;
    struct redis_client *redis; // opened when the first frame needs it
    struct replay_rows *rows;
    uint8_t *repaired; // content of `file`
    size_t repaired_bytes;
    unsigned wait_ms; // for the next frame to be applied: 0 once one was not
    uint64_t done, refused, sent;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "clickledger-ingest: %s: %s\n", what, why);
    return 1;
}

// --- Files

static int file_read(struct replay *replay)
{
    FILE *file = fopen(replay->file, "rb");

    if (!file)
        return complain(replay->file, strerror(errno));
    replay->repaired = malloc(FILE_BYTES_MAX + 1);
    if (replay->repaired)
        replay->repaired_bytes = fread(replay->repaired, 1, FILE_BYTES_MAX + 1, file);
    bool bad = ferror(file) || !replay->repaired;
    fclose(file);
    if (bad)
        return complain(replay->file, "it cannot be read");
    return replay->repaired_bytes > FILE_BYTES_MAX ? complain(replay->file, "it is too large") : 0;
}

static int file_write(const char *path, struct slice bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);

    if (fd < 0)
        return complain(path, strerror(errno));
    ssize_t written = write(fd, bytes.data, bytes.len);
    if (close(fd) || written != (ssize_t)bytes.len)
        return complain(path, "it could not be written whole");
    return 0;
}

// --- One letter

static void letter_print(const struct letter *letter, const char *result, const char *reason)
{
    char producer[PRODUCER_TEXT_BYTES] = "-";

    if (letter->placed)
        producer_format(letter->producer, producer);
    printf("letter=%" PRId64 " found=%s shard=%u producer=%s seq=%" PRIu64 " kind=%s hits=%" PRIu64
           " bytes=%zu result=%s reason=\"%s\"\n",
           letter->id, letter->found_at, letter->shard, producer, letter->seq, dead_kind_name(letter->kind),
           letter->hits, letter->bytes.len, result, reason);
}

static bool letter_is_frame(const struct letter *letter)
{
    return letter->kind == DEAD_HEADER || letter->kind == DEAD_PAYLOAD || letter->kind == DEAD_FORK;
}

static int redis_open(struct replay *replay)
{
    struct redis_options options = redis_options_of(replay->settings);
    char error[REDIS_ERROR_BYTES];

    if (replay->redis || redis_client_open(&replay->redis, &options, error) == 0)
        return 0;
    replay->redis = NULL;
    return complain("Redis", error);
}

// As letter_put().
static int frame_put(struct replay *replay, const struct letter *letter, struct slice bytes,
                     char reason[LETTER_REASON_BYTES])
{
    if (redis_open(replay))
        return REPLAY_FRAME_REDIS;
    int r = replay_frame_run(replay->redis, letter, bytes, replay->dry_run, reason);
    if (r == REPLAY_FRAME_REDIS)
        complain("Redis", redis_client_error(replay->redis));
    if (r || replay->dry_run)
        return r;
    r = replay_frame_await(replay->pg, letter, bytes, replay->wait_ms);
    if (r == REPLAY_FRAME_SENT)
        replay->wait_ms = 0;
    return r ? r : letter_done(replay->pg, letter->id);
}

static bool is_of_letter(int r)
{
    return r == 0 || r == REPLAY_REFUSED || r == REPLAY_FRAME_BAD || r == REPLAY_FRAME_SENT;
}

// is_of_letter(), or a store failed and was complained about.
static int letter_put(struct replay *replay, const struct letter *letter, char reason[LETTER_REASON_BYTES])
{
    struct slice bytes = replay->repaired
                             ? (struct slice){(const char *)replay->repaired, replay->repaired_bytes}
                             : letter->bytes;
    int r = PG_RETRY;

    for (unsigned tries = 0; !letter_is_frame(letter) && r == PG_RETRY && tries < TRIES_MAX; tries++)
        r = replay_rows_run(replay->rows, replay->pg, letter, bytes, replay->dry_run, reason);
    if (letter_is_frame(letter))
        r = frame_put(replay, letter, bytes, reason);
    if (!is_of_letter(r) && r != REPLAY_FRAME_REDIS)
        complain("PostgreSQL", pg_error(replay->pg)->message);
    return r;
}

static int letter_replay(struct replay *replay, const struct letter *letter)
{
    char reason[LETTER_REASON_BYTES] = "";
    int r = letter_put(replay, letter, reason);

    if (r == 0) {
        replay->done++;
        letter_print(letter, replay->dry_run ? "would_go_in" : "went_in", letter->reason);
        return 0;
    }
    if (r == REPLAY_FRAME_SENT) {
        replay->sent++;
        letter_print(letter, "sent", "ingest has not applied it yet");
        return 0;
    }
    if (!is_of_letter(r))
        return 1;
    replay->refused++;
    letter_print(letter, "refused", reason);
    if (!replay->dry_run && letter_refused(replay->pg, letter->id, reason))
        return complain("PostgreSQL", pg_error(replay->pg)->message);
    return 0;
}

static int letter_handle(struct replay *replay, int64_t id)
{
    struct letter letter;
    bool found = false;
    int status = letter_read(replay->pg, id, &letter, &found)
                     ? complain("PostgreSQL", pg_error(replay->pg)->message)
                     : 0;

    if (status == 0 && found) {
        if (replay->save)
            status = file_write(replay->save, letter.bytes);
        if (status == 0 && (replay->list || replay->save || letter.replayed))
            letter_print(&letter, letter.replayed ? "replayed" : "dead", letter.reason);
        else if (status == 0)
            status = letter_replay(replay, &letter);
    }
    letter_free(&letter);
    return status;
}

// --- All of them

static int letters_handle(struct replay *replay)
{
    struct pg_result *ids = NULL;
    int status = 0;

    // One that is named is told about although it went in.
    if (letters_choose(replay->pg, &replay->choice, replay->choice.id != 0, &ids))
        return complain("PostgreSQL", pg_error(replay->pg)->message);
    if (replay->choice.id && pg_result_rows(ids) == 0)
        status = complain("replay", "there is no such letter");
    for (size_t i = 0; status == 0 && i < pg_result_rows(ids); i++)
        status = letter_handle(replay, pg_result_int(ids, i, 0));
    pg_result_free(ids);
    if (status == 0 && !replay->list && !replay->save)
        printf("%s=%" PRIu64 " refused=%" PRIu64 "\n", replay->dry_run ? "would_go_in" : "went_in",
               replay->done, replay->refused);
    if (status == 0 && replay->sent > 0)
        status =
            complain("replay", "not everything was applied: run it again when ingest has read its streams");
    return status ? status : replay->refused > 0;
}

static int replay_run(struct replay *replay)
{
    struct pg_error error = {.message = "out of memory"};
    const char *why = NULL;
    int status = 0;

    if (replay->file && file_read(replay))
        return 1;
    replay->rows = replay_rows_new();
    if (!replay->rows ||
        pg_connect(&replay->pg, replay->settings->postgres.conninfo, "clickledger-ingest-replay", &error))
        status = complain("PostgreSQL", error.message);
    else if (takeover_session(replay->pg, &why))
        status = complain("PostgreSQL", why ? why : pg_error(replay->pg)->message);
    return status ? status : letters_handle(replay);
}

static bool kind_is_known(const char *kind)
{
    for (enum dead_kind i = 0; i < DEAD_KINDS; i++) {
        if (strcmp(kind, dead_kind_name(i)) == 0)
            return true;
    }
    return false;
}

// What is wrong with the arguments together, or NULL.
static const char *choice_mistake(const struct replay *replay)
{
    if (!replay->choice.id == !replay->choice.kind && !(replay->list && !replay->choice.id))
        return "replay takes --id or --kind";
    if (replay->choice.kind && !kind_is_known(replay->choice.kind))
        return "--kind is one of header, payload, fork, hit, row, conflict";
    if ((replay->file || replay->save) && !replay->choice.id)
        return "--file and --save go with --id";
    if (replay->file && (replay->save || replay->list))
        return "--file goes with neither --save nor --list";
    return NULL;
}

int replay_command(const void *settings, int argc, char **argv)
{
    struct replay replay = {
        .settings = settings, .choice = {.to_ms = CLOCK_MS_MAX}, .wait_ms = REPLAY_FRAME_WAIT_MS};
    const struct argument arguments[] = {
        argument_number("--id", &replay.choice.id, 1, INT64_MAX),
        argument_text("--kind", &replay.choice.kind),
        argument_time("--from", &replay.choice.from_ms),
        argument_time("--to", &replay.choice.to_ms),
        argument_text("--file", &replay.file),
        argument_text("--save", &replay.save),
        argument_flag("--list", &replay.list),
        argument_flag("--dry-run", &replay.dry_run),
    };

    if (arguments_read(arguments, array_length(arguments), argc, argv))
        return ARGUMENTS_WRONG;
    const char *mistake = choice_mistake(&replay);
    if (mistake) {
        fprintf(stderr, "clickledger-ingest: %s; see --help\n", mistake);
        return ARGUMENTS_WRONG;
    }
    int status = replay_run(&replay);
    replay_rows_free(replay.rows);
    pg_free(replay.pg);
    redis_client_close(replay.redis);
    free(replay.repaired);
    return status;
}
