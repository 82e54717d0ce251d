// The sender's decisions: as transcripts, and against a simulated Redis and ingest that lose things at
// random.

#include "tracker/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest_model.h"

// A transcript is words. What happens:
//   g5 there are frames up to 5 · b3 the lowest frame is 3 · u connected to another Redis · U to the same · d
//   lost s send all that may be sent · k the next reply: stored · x the next reply: an error pA:7:0:0 a
//   position: generation A, last 7, want 0, evidence 0 · e the same with ended v the probed entry has
//   vanished · t tick
// Entries get the stream ids 1-0, 2-0, .. The expectation lists the seqs sent, `/` at each s.
static const struct {
    const char *what, *script, *sent;
} cases[] = {
    {"nothing is sent without Redis", "g3 s", ""},
    {"in order, once", "g3 u s k k k s g4 s", "1 2 3 / / 4"},
    {"a slow reply is no evidence", "g3 u s t t t t s", "1 2 3 /"},
    {"PostgreSQL has it: nothing again", "g3 u s k k k pA:3:0:0 s g4 s", "1 2 3 / / 4"},
    {"an adopted journal begins behind the position", "g9 u pA:6:0:0 s", "7 8 9"},
    {"and at its base without one", "b4 g6 u s", "4 5 6"},
    {"a position ahead of the pass skips what is known", "g9 u s k pA:9:0:0 s", "1 2 3 4 5 6 7 8 9 /"},
    {"a want of this pass goes back, once", "g3 u s k k k pA:1:2:3 s pA:1:2:3 s", "1 2 3 / 2 3 /"},
    {"a want of before this pass does not", "g3 u s k k k pA:1:2:3 s k k pA:1:2:3 s t t s",
     "1 2 3 / 2 3 / /"},
    {"again with younger evidence, after a tick", "g3 u s k k k pA:1:2:3 s k k pA:1:2:5 s t s",
     "1 2 3 / 2 3 / / 2 3"},
    {"evidence that is the pass's first entry counts", "g3 u s k k k pA:0:1:1 s", "1 2 3 / 1 2 3"},
    {"a want waits for the replies", "g3 u s k k pA:1:2:2 s k s", "1 2 3 / / 2 3"},
    {"a want for what was not sent is ignored", "g3 u s k k k g4 pA:3:4:3 s", "1 2 3 / 4"},
    {"a want for what PostgreSQL has is ignored", "g3 u s k k k pA:3:2:3 s", "1 2 3 /"},
    {"a lower last is not believed", "g3 u s k k k pA:3:0:0 pA:1:0:0 s", "1 2 3 /"},
    {"but with a new generation", "g3 u s k k k pA:3:0:0 pB:1:0:0 s", "1 2 3 / 2 3"},
    {"a new generation that is not behind is no evidence", "g3 u s k k k pA:3:0:0 pB:3:0:0 s g4 s",
     "1 2 3 / / 4"},
    {"an error: again from there, behind all replies", "g4 u s k x k s k s", "1 2 3 4 / / 2 3 4"},
    {"errors that repeat rest for ticks", "g1 u s x s x s t s x s t s t s", "1 / 1 / / 1 / / / 1"},
    {"progress ends the rest", "g2 u s k x s x pA:1:0:0 s t s", "1 2 / 2 / / 2"},
    {"another Redis: all that PostgreSQL has not", "g4 u s k k k k pA:1:0:0 d u s", "1 2 3 4 / 2 3 4"},
    {"the same Redis: what was not answered", "g4 u s k k x x d U t s", "1 2 3 4 / 3 4"},
    {"the same Redis, everything answered: nothing", "g2 u s k k d U s", "1 2 /"},
    {"vanished before PostgreSQL had it", "g3 u s k k k pA:1:0:0 v s", "1 2 3 / 2 3"},
    {"vanished behind the position is trimming", "g3 u s k k k pA:3:0:0 v s", "1 2 3 /"},
    {"trimmed frames are not sent", "g5 u s k k k k k pA:4:0:0 b4 pB:1:0:0 s", "1 2 3 4 5 / 4 5"},
    {"the first pass knows no evidence", "g3 u s pA:0:1:9 s", "1 2 3 /"},
    {"an end is remembered, a new generation forgets it", "g1 u s k eA:1:0:0 pB:0:0:0 s", "1 / 1"},
};

struct transcript {
    struct delivery d;
    uint64_t ids;
    char sent[256];
};

static void send_all(struct transcript *t)
{
    if (t->sent[0])
        strcat(t->sent, " /");
    while (delivery_ready(&t->d)) {
        char seq[24];
        snprintf(seq, sizeof(seq), "%s%llu", t->sent[0] ? " " : "", (unsigned long long)t->d.next);
        strcat(t->sent, seq);
        assert_int_equal(delivery_reserve(&t->d), 0);
        delivery_sent(&t->d, 100);
    }
}

static void word_position(struct transcript *t, const char *word)
{
    struct position p = {.generation = {word[1]}, .ended = word[0] == 'e'};
    unsigned long long last, want, evidence;

    assert_int_equal(sscanf(word + 2, ":%llu:%llu:%llu", &last, &want, &evidence), 3);
    p.last = last;
    p.want = want;
    p.evidence.ms = evidence;
    delivery_position(&t->d, &p);
}

static void word_vanished(struct transcript *t)
{
    struct stream_id id;
    uint64_t seq;
    if (delivery_probe(&t->d, &seq, &id))
        delivery_vanished(&t->d, seq);
}

static void word_run(struct transcript *t, const char *word)
{
    uint64_t n = strtoull(word + 1, NULL, 10);

    switch (word[0]) {
    case 'g':
        delivery_grow(&t->d, n + 1);
        return;
    case 'b':
        delivery_trim(&t->d, n);
        t->d.next = max_of(t->d.next, n);
        return;
    case 'u':
        delivery_up(&t->d, false);
        return;
    case 'U':
        delivery_up(&t->d, true);
        return;
    case 'd':
        delivery_down(&t->d);
        return;
    case 's':
        send_all(t);
        return;
    case 'k':
        delivery_answer(&t->d, true, (struct stream_id){++t->ids, 0});
        return;
    case 'x':
        delivery_answer(&t->d, false, (struct stream_id){0, 0});
        return;
    case 'p':
    case 'e':
        word_position(t, word);
        return;
    case 'v':
        word_vanished(t);
        return;
    case 't':
        delivery_tick(&t->d);
        return;
    }
    fail_msg("%s", word);
}

static void transcripts_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(cases); i++) {
        struct transcript t = {0};
        char script[256], *save, *word;

        delivery_init(&t.d, 1, 1, 1 << 20);
        snprintf(script, sizeof(script), "%s", cases[i].script);
        for (word = strtok_r(script, " ", &save); word; word = strtok_r(NULL, " ", &save))
            word_run(&t, word);
        if (strcmp(t.sent, cases[i].sent) != 0)
            fail_msg("%s:\n  sent %s\n  not  %s", cases[i].what, t.sent, cases[i].sent);
        delivery_deinit(&t.d);
    }
}

static void the_window_bounds_what_is_under_way(void **state)
{
    (void)state;
    struct transcript t = {0};

    delivery_init(&t.d, 1, 11, 250); // frames of 100
    delivery_up(&t.d, false);
    send_all(&t);
    assert_string_equal(t.sent, "1 2 3");
    assert_true(delivery_window_full(&t.d));
    for (int i = 0; i < 3; i++)
        word_run(&t, "k");
    send_all(&t);
    assert_string_equal(t.sent, "1 2 3 /");
    word_run(&t, "pA:2:0:0");
    send_all(&t);
    assert_string_equal(t.sent, "1 2 3 / / 4 5");
    assert_int_equal(t.d.window_bytes, 300);
    delivery_deinit(&t.d);
}

static void a_gap_is_passed_when_all_before_it_is_confirmed(void **state)
{
    (void)state;
    struct transcript t = {0};

    delivery_init(&t.d, 1, 9, 1 << 20);
    delivery_up(&t.d, false);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(delivery_reserve(&t.d), 0);
        delivery_sent(&t.d, 1);
        word_run(&t, "k");
    }
    assert_false(delivery_skip(&t.d, 6)); // 4 and 5 cannot be read
    word_run(&t, "pA:2:0:0");
    assert_false(delivery_skip(&t.d, 6));
    word_run(&t, "pA:3:0:0");
    assert_true(delivery_skip(&t.d, 6));
    send_all(&t);
    assert_string_equal(t.sent, "6 7 8");
    delivery_deinit(&t.d);
}

// --- At random -------------------------------------------------------------------------------

#define FRAMES     200
#define ENTRIES    100000
#define STEPS      3000
#define STEPS_CALM 2000
#define SEEDS      200

struct world {
    struct delivery d;
    unsigned random;
    uint64_t entry[ENTRIES]; // the stream: seqs; ids are index + 1
    bool gone[ENTRIES];
    size_t entries, read_to; // ingest has read up to here
    uint64_t flight[ENTRIES];
    size_t flight_first, flight_end;
    struct ingest_model ingest, checkpoint;
    unsigned generation;
    size_t oldest;
};

static unsigned roll(struct world *w, unsigned sides)
{
    w->random = w->random * 1103515245 + 12345;
    return (w->random >> 16) % sides;
}

static void world_send(struct world *w)
{
    for (int i = 0; i < 8 && delivery_ready(&w->d); i++) {
        w->flight[w->flight_end++] = w->d.next;
        assert_int_equal(delivery_reserve(&w->d), 0);
        delivery_sent(&w->d, 100);
    }
}

static void world_reply(struct world *w, bool stores, bool says_so)
{
    if (w->flight_first == w->flight_end)
        return;
    uint64_t seq = w->flight[w->flight_first++];
    struct stream_id id = {0};
    if (stores) {
        w->entry[w->entries++] = seq;
        id.ms = w->entries;
        assert_true(w->entries < ENTRIES);
    }
    delivery_answer(&w->d, stores && says_so, id);
}

static void world_lose_link(struct world *w, bool same)
{
    while (w->flight_first < w->flight_end)
        world_reply(w, roll(w, 2), false);
    delivery_down(&w->d);
    if (!same) {
        memset(w->gone, true, w->entries);
        w->read_to = w->entries;
    }
    delivery_up(&w->d, same);
}

static void world_ingest(struct world *w)
{
    for (unsigned n = roll(w, 8); n > 0 && w->read_to < w->entries; n--, w->read_to++) {
        struct frame_header h = {.version = FRAME_VERSION_PLAIN, .seq = w->entry[w->read_to], .base = 1, .count = 1};
        h.hits_before = h.seq - 1;
        if (w->gone[w->read_to])
            continue;
        ingest_model_apply(&w->ingest, &h, (struct stream_id){w->read_to + 1, 0});
        w->gone[w->read_to] = true; // applied or dropped by rule: trimmed
    }
}

static void world_restore(struct world *w)
{
    w->ingest = w->checkpoint;
    w->generation++;
}

static void world_position(struct world *w)
{
    struct position p = {.last = w->ingest.last, .want = w->ingest.want, .evidence = w->ingest.evidence};
    struct stream_id id;
    uint64_t seq;

    snprintf(p.generation, sizeof(p.generation), "g%u", w->generation);
    bool probed = delivery_probe(&w->d, &seq, &id);
    bool gone = probed && w->gone[id.ms - 1];
    delivery_position(&w->d, &p);
    if (gone)
        delivery_vanished(&w->d, seq);
}

static void world_step(struct world *w, bool calm)
{
    switch (roll(w, calm ? 12 : 16)) {
    case 0:
    case 1:
    case 2:
        if (w->d.end <= FRAMES)
            delivery_grow(&w->d, w->d.end + 1);
        return;
    case 3:
    case 4:
        world_send(w);
        return;
    case 5:
    case 6:
    case 7:
        world_reply(w, true, true);
        return;
    case 8:
    case 9:
        world_ingest(w);
        return;
    case 10:
        world_position(w);
        return;
    case 11:
        delivery_tick(&w->d);
        return;
    case 12:
        world_reply(w, roll(w, 2), false);
        return;
    case 13: // FLUSHALL
        if (roll(w, 8) == 0) {
            memset(w->gone, true, w->entries);
            w->read_to = w->entries;
        }
        return;
    case 14:
        if (roll(w, 8) == 0)
            world_lose_link(w, roll(w, 2));
        return;
    case 15:
        if (roll(w, 16) == 0)
            world_restore(w);
        else if (roll(w, 8) == 0)
            w->checkpoint = w->ingest;
        return;
    }
}

static void whatever_is_lost_all_arrives(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof(*w));

    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        *w = (struct world){.random = seed};
        delivery_init(&w->d, 1, 1, 3000);
        delivery_up(&w->d, false);
        for (int i = 0; i < STEPS; i++)
            world_step(w, false);
        for (int i = 0; i < STEPS_CALM * 4; i++)
            world_step(w, true);
        if (w->ingest.last != FRAMES || w->ingest.lost_frames != 0 || w->d.last != FRAMES)
            fail_msg("seed %u: ingest has %lu, sender believes %lu of %d, %lu lost", seed,
                     (unsigned long)w->ingest.last, (unsigned long)w->d.last, FRAMES,
                     (unsigned long)w->ingest.lost_frames);
        assert_int_equal(w->ingest.hits, FRAMES);
        delivery_deinit(&w->d);
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transcripts_hold),
        cmocka_unit_test(the_window_bounds_what_is_under_way),
        cmocka_unit_test(a_gap_is_passed_when_all_before_it_is_confirmed),
        cmocka_unit_test(whatever_is_lost_all_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
