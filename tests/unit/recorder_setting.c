// The fixture of the recorder's tests: Redis, a model of ingest that reads its stream, turns as a worker
// makes them.

#include "recorder_setting.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/delta.h"

#define TURN_HITS_MAX 64

static void on_settled(void *ctx, uint64_t token, bool stored)
{
    struct setting *s = ctx;
    assert_true(token > 0);
    s->settled_yes += stored;
    s->settled_no += !stored;
}

void recorder_begin(struct setting *s)
{
    assert_int_equal(recorder_open(&s->recorder, s->base, &s->options, &s->counters, on_settled, s), 0);
}

void client_begin(struct setting *s)
{
    char error[REDIS_ERROR_BYTES];
    redis_client_close(s->client);
    assert_int_equal(redis_client_open(&s->client, &s->options.redis, error), 0);
}

int setting_up(void **state)
{
    struct setting *s = calloc(1, sizeof(*s));

    signal(SIGPIPE, SIG_IGN);
    real_doors = journal_doors;
    redis_server_init(&s->server);
    redis_server_start(&s->server, NULL);
    snprintf(s->journal_dir, sizeof(s->journal_dir), "%s/journal", s->server.dir);
    s->base = event_base_new();
    s->ingest.generation = "a-1-0";
    s->options = (struct recorder_options){
        .journal_dir = s->journal_dir,
        .host = "test",
        .adopt = true,
        .journal_sync_ms = 5,
        .journal_keep_ms = 3600000,
        .journal_keep_bytes = 1 << 30,
        .segment_bytes = RECORDER_SEGMENT_BYTES_MIN,
        .redis_window_bytes = 1 << 20,
        .redis = {.address = s->server.socket},
    };
    client_begin(s);
    recorder_begin(s);
    *state = s;
    return 0;
}

struct journal_doors real_doors;

int setting_down(void **state)
{
    struct setting *s = *state;

    journal_doors = real_doors;
    recorder_close(s->recorder);
    redis_client_close(s->client);
    event_base_free(s->base);
    redis_server_deinit(&s->server);
    free(s);
    return 0;
}

// --- Ingest ----------------------------------------------------------------------------------

static struct ingest_model *model_of(struct ingest *ingest, const uint8_t producer[PRODUCER_BYTES])
{
    char name[JOURNAL_NAME_BYTES];
    unsigned i = 0;

    journal_name_format(producer, name);
    while (i < ingest->n && strcmp(ingest->name[i], name) != 0)
        i++;
    if (i == ingest->n) {
        assert_true(ingest->n++ < PRODUCERS_MAX);
        memcpy(ingest->name[i], name, sizeof(name));
    }
    return &ingest->model[i];
}

static void payload_check(const struct frame_header *header, struct slice frame)
{
    struct slice payload = {frame.data + FRAME_HEADER_BYTES, frame_payload_length(header)};
    size_t bytes = delta_hits_bytes(payload);
    uint8_t *raw = malloc(delta_room_bytes(payload) + 1);
    struct bytes_reader r = bytes_reader(raw, bytes);
    struct hit hit;
    uint32_t n = 0;

    assert_int_equal(frame_payload_check(header, payload.data, frame.len - FRAME_HEADER_BYTES), 0);
    if (payload.len > 0)
        assert_int_equal(delta_undo(payload, raw), 0);
    while (hit_next(&r, &hit, NULL) == 0)
        n++;
    assert_int_equal(n, header->flags & FRAME_HOLE ? 0 : header->count);
    free(raw);
}

static void position_publish(struct setting *s, unsigned i)
{
    struct redis_reply *reply;
    char text[256];

    ingest_model_position(&s->ingest.model[i], s->ingest.generation, text, sizeof(text));
    assert_int_equal(redis_client_call(s->client,
                                       ARGS(SLICE("HSET"), SLICE("cl:pos:{0}"), slice_of(s->ingest.name[i]),
                                            slice_of(text)),
                                       &reply),
                     0);
    redis_reply_free(reply);
}

static void entry_apply(struct setting *s, const struct redis_reply *entry)
{
    struct slice frame = redis_reply_text(redis_reply_value(redis_reply_element(entry, 1), "f"));
    struct frame_header header;
    struct stream_id id;

    assert_int_equal(stream_id_parse(redis_reply_text(redis_reply_element(entry, 0)), &id), 0);
    assert_int_equal(frame_header_decode(frame.data, frame.len, &header), 0);
    payload_check(&header, frame);
    ingest_model_apply(model_of(&s->ingest, header.producer), &header, id);
}

// Reads the stream from its start, applies, publishes, then trims what it read.
void ingest_run(struct setting *s)
{
    struct redis_reply *reply, *gone;

    if (s->stalled || redis_client_call(s->client,
                                        ARGS(SLICE("XRANGE"), SLICE("cl:hits:{0}"), SLICE("-"), SLICE("+"),
                                             SLICE("COUNT"), SLICE("100")),
                                        &reply))
        return;
    for (size_t i = 0; i < redis_reply_length(reply); i++)
        entry_apply(s, redis_reply_element(reply, i));
    for (unsigned i = 0; i < s->ingest.n; i++)
        position_publish(s, i);
    for (size_t i = 0; i < redis_reply_length(reply); i++) {
        struct slice id = redis_reply_text(redis_reply_element(redis_reply_element(reply, i), 0));
        assert_int_equal(redis_client_call(s->client, ARGS(SLICE("XDEL"), SLICE("cl:hits:{0}"), id), &gone),
                         0);
        redis_reply_free(gone);
    }
    redis_reply_free(reply);
}

static uint64_t total(const struct setting *s, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->ingest.n; i++)
        sum += *(const uint64_t *)(const void *)((const char *)&s->ingest.model[i] + offset);
    return sum;
}

uint64_t ingest_hits(const struct setting *s)
{
    return total(s, offsetof(struct ingest_model, hits));
}

uint64_t ingest_lost_frames(const struct setting *s)
{
    return total(s, offsetof(struct ingest_model, lost_frames));
}

// --- The worker ------------------------------------------------------------------------------

void call(struct setting *s, const struct slice args[], size_t n)
{
    struct redis_reply *reply;
    assert_int_equal(redis_client_call(s->client, args, n, &reply), 0);
    assert_int_equal(redis_reply_condition(reply), 0);
    redis_reply_free(reply);
}

void loop_turn(struct setting *s)
{
    struct timeval wait = {.tv_usec = 2000};
    event_base_loopexit(s->base, &wait);
    event_base_dispatch(s->base);
}

// About a kilobyte that cannot be packed, the same for each turn's i-th hit: frames of n hits are all of one
// size.
static struct hit hit_make(unsigned i)
{
    static char text[TURN_HITS_MAX][1000];
    struct hit hit = {.kind = HIT_CLICK, .class = HIT_CLASS_HUMAN, .status = 302};

    assert_true(i < TURN_HITS_MAX);
    srand(i);
    for (size_t at = 0; at < sizeof(text[i]); at++)
        text[i][at] = (char)(rand() >> 8);
    hit.field[HIT_PATH] = (struct slice){text[i], sizeof(text[i])};
    return hit;
}

// One turn with n hits; what RETRY throws away is added again in the next mode, as a worker does.
void turn(struct setting *s, unsigned n)
{
    int r = RECORDER_RETRY;

    for (int tries = 0; r == RECORDER_RETRY; tries++) {
        assert_true(tries < 3);
        for (unsigned i = 0; i < n; i++) {
            struct hit hit = hit_make(i);
            assert_int_equal(recorder_add(s->recorder, &hit), 0);
        }
        bool blind = recorder_mode(s->recorder) == RECORDER_BLIND;
        r = recorder_turn_end(s->recorder);
        s->added += r == 0 && !blind ? n : 0;
    }
}

void turns(struct setting *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        turn(s, 3);
        loop_turn(s);
        ingest_run(s);
    }
}
