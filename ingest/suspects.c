// Duplicates' candidates among remembered clicks. Pure. A click is judged by its nearest neighbour before it
// by each share, so only the clicks of shared keys are put in order, and of those only the asked ones, and
// the ones right behind them, are told. Whoever stands right behind an asked click is judged anew by both
// shares, which is why keys are collected twice. Cost: one look into the table for each key that nobody
// shares; the length of its chain, once, for each one that is shared.

#include "ingest/suspects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/click_id.h"

#define AHEAD 16 // clicks whose slots are asked for in advance

struct shared {
    uint64_t key;
    enum click_share share;
    uint32_t number; // 0: the key itself; else a click that has it
    const uint8_t *id;
};

struct judged {
    uint32_t number, before; // before it by this share
    enum click_share share;
};

struct list {
    void *rows;
    size_t n, room, row_bytes;
    bool failed;
};

struct search {
    const struct recent *recent;
    uint32_t from, to;
    const bool *asked;
    uint64_t window_ms;
    struct list keys, placed, judged;
};

static void list_add(struct list *list, const void *row)
{
    if (list->n == list->room && !list->failed) {
        size_t room = 2 * list->room + 64;
        void *rows = reallocarray(list->rows, room, list->row_bytes);
        list->failed = rows == NULL;
        list->rows = rows ? rows : list->rows;
        list->room = rows ? room : list->room;
    }
    if (!list->failed)
        memcpy((char *)list->rows + list->n++ * list->row_bytes, row, list->row_bytes);
}

static bool is_asked(const struct search *search, uint32_t number)
{
    return number >= search->from && number < search->to && search->asked[number - search->from];
}

static bool is_near(const struct search *search, const struct click_keys *a, const struct click_keys *b)
{
    uint64_t one = click_id_ms(a->id), other = click_id_ms(b->id);
    return (one > other ? one - other : other - one) <= search->window_ms;
}

// --- Shared keys

static bool is_shared(const struct search *search, uint32_t number, enum click_share share)
{
    const struct click_keys *click = recent_click(search->recent, number);
    uint32_t at = recent_newest(search->recent, share, click->key[share]);

    for (; at > 0; at = recent_older(search->recent, share, at)) {
        const struct click_keys *other = recent_click(search->recent, at);
        if (at != number && other->key[share] == click->key[share] && is_near(search, click, other))
            return true;
    }
    return false;
}

static void asked_keys(struct search *search)
{
    for (uint32_t number = search->from; number < search->to; number++) {
        if (number + AHEAD < search->to)
            recent_prefetch(search->recent, number + AHEAD);
        for (enum click_share share = 0; is_asked(search, number) && share < CLICK_SHARES; share++) {
            uint64_t key = recent_click(search->recent, number)->key[share];
            if (key != 0 && is_shared(search, number, share))
                list_add(&search->keys, &(struct shared){.key = key, .share = share});
        }
    }
}

// --- Their clicks in order

static int shared_compare(const void *left, const void *right)
{
    const struct shared *a = left, *b = right;

    if (a->share != b->share)
        return a->share < b->share ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->id && b->id ? memcmp(a->id, b->id, HIT_ID_BYTES) : 0;
}

static void key_place(struct search *search, const struct shared *shared)
{
    uint32_t at = recent_newest(search->recent, shared->share, shared->key);

    for (; at > 0; at = recent_older(search->recent, shared->share, at)) {
        const struct click_keys *click = recent_click(search->recent, at);
        if (click->key[shared->share] == shared->key)
            list_add(&search->placed, &(struct shared){shared->key, shared->share, at, click->id});
    }
}

static void keys_place(struct search *search)
{
    struct shared *keys = search->keys.rows;

    search->placed.n = 0;
    if (search->keys.n > 1)
        qsort(keys, search->keys.n, sizeof(*keys), shared_compare);
    for (size_t i = 0; i < search->keys.n; i++) {
        if (i == 0 || shared_compare(&keys[i - 1], &keys[i]) != 0)
            key_place(search, &keys[i]);
    }
    if (search->placed.n > 1)
        qsort(search->placed.rows, search->placed.n, sizeof(struct shared), shared_compare);
}

// The click before this one in the order, if both share the key within the window; else 0.
static uint32_t before_of(const struct search *search, size_t at)
{
    const struct shared *placed = search->placed.rows;

    if (at == 0 || placed[at].key != placed[at - 1].key || placed[at].share != placed[at - 1].share)
        return 0;
    return is_near(search, recent_click(search->recent, placed[at].number),
                   recent_click(search->recent, placed[at - 1].number))
               ? placed[at - 1].number
               : 0;
}

static void note(struct search *search, const struct shared *placed, uint32_t before)
{
    list_add(&search->judged, &(struct judged){placed->number, before, placed->share});
}

// --- Who is judged

// The asked ones; and the keys of those right behind them.
static void asked_judge(struct search *search)
{
    const struct shared *placed = search->placed.rows;

    search->keys.n = 0;
    for (size_t i = 0; i < search->placed.n; i++) {
        uint32_t before = before_of(search, i);
        if (before == 0)
            continue;
        if (is_asked(search, placed[i].number)) {
            note(search, &placed[i], before);
        } else if (is_asked(search, before)) {
            const struct click_keys *click = recent_click(search->recent, placed[i].number);
            for (enum click_share share = 0; share < CLICK_SHARES; share++) {
                if (click->key[share] != 0)
                    list_add(&search->keys,
                             &(struct shared){click->key[share], share, placed[i].number, NULL});
            }
        }
    }
}

static int number_compare(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static void behind_judge(struct search *search)
{
    const struct shared *keys = search->keys.rows;
    uint32_t *behind = reallocarray(NULL, search->keys.n + 1, sizeof(*behind));
    size_t n = search->keys.n;

    search->judged.failed |= behind == NULL;
    if (!behind)
        return;
    for (size_t i = 0; i < n; i++)
        behind[i] = keys[i].number;
    qsort(behind, n, sizeof(*behind), number_compare);
    keys_place(search);
    const struct shared *placed = search->placed.rows;
    for (size_t i = 0; i < search->placed.n; i++) {
        uint32_t before = before_of(search, i);
        if (before > 0 && bsearch(&placed[i].number, behind, n, sizeof(*behind), number_compare))
            note(search, &placed[i], before);
    }
    free(behind);
}

// --- What is told

static void id_tell(struct array *ids, const struct recent *recent, uint32_t number)
{
    char text[CLICK_ID_TEXT_BYTES];

    if (number > 0)
        click_id_format(recent_click(recent, number)->id, text);
    array_text(ids, number > 0 ? (struct slice){text, sizeof(text)} : SLICE_NONE);
}

static void judged_tell(const struct search *search, struct suspects *out)
{
    struct judged *judged = search->judged.rows;

    if (search->judged.n > 1)
        qsort(judged, search->judged.n, sizeof(*judged), number_compare);
    for (size_t i = 0, next; i < search->judged.n; i = next) {
        uint32_t before[CLICK_SHARES] = {0};
        for (next = i; next < search->judged.n && judged[next].number == judged[i].number; next++)
            before[judged[next].share] = judged[next].before;
        id_tell(&out->clicks, search->recent, judged[i].number);
        for (enum click_share share = 0; share < CLICK_SHARES; share++)
            id_tell(&out->followed[share], search->recent, before[share]);
        out->n++;
    }
}

int suspects_find(const struct recent *recent, uint32_t from, uint32_t to, const bool *asked,
                  uint64_t window_ms, struct suspects *out)
{
    struct search search = {.recent = recent,
                            .from = from,
                            .to = to,
                            .asked = asked,
                            .window_ms = window_ms,
                            .keys = {.row_bytes = sizeof(struct shared)},
                            .placed = {.row_bytes = sizeof(struct shared)},
                            .judged = {.row_bytes = sizeof(struct judged)}};

    asked_keys(&search);
    keys_place(&search);
    asked_judge(&search);
    if (search.keys.n > 0)
        behind_judge(&search);
    judged_tell(&search, out);
    bool failed = search.keys.failed || search.placed.failed || search.judged.failed || out->clicks.failed;
    for (enum click_share share = 0; share < CLICK_SHARES; share++)
        failed |= out->followed[share].failed;
    free(search.keys.rows);
    free(search.placed.rows);
    free(search.judged.rows);
    return failed ? -ENOMEM : 0;
}

void suspects_free(struct suspects *suspects)
{
    array_free(&suspects->clicks);
    for (enum click_share share = 0; share < CLICK_SHARES; share++)
        array_free(&suspects->followed[share]);
    suspects->n = 0;
}
