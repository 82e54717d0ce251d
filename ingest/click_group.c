// Groups of clicks by hour, programme, partner, link and class. Pure. A table of hashes finds a row's group;
// sorting the rows instead took longer than all else that a load does with its groups.

#include "ingest/click_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct table {
    struct click_groups *out;
    uint32_t *slots; // group + 1; 0: free
    size_t mask;
};

static struct click_group group_of(const struct batch_row *row)
{
    return (struct click_group){.hour_ms = row->ms - row->ms % CLICK_HOUR_MS,
                                .program_id = row->program_id,
                                .partner_id = row->partner_id,
                                .link_id = row->link_id,
                                .class = row->class};
}

static bool group_is(const struct click_group *a, const struct click_group *b)
{
    return a->hour_ms == b->hour_ms && a->program_id == b->program_id && a->partner_id == b->partner_id &&
           a->link_id == b->link_id && a->class == b->class;
}

static uint32_t group_find(struct table *table, const struct batch_row *row)
{
    struct click_group wanted = group_of(row);
    const uint64_t key[] = {wanted.hour_ms, wanted.program_id, wanted.partner_id, wanted.link_id,
                            wanted.class};
    size_t at = XXH3_64bits(key, sizeof(key)) & table->mask;

    for (; table->slots[at] > 0; at = (at + 1) & table->mask) {
        if (group_is(&table->out->groups[table->slots[at] - 1], &wanted))
            return table->slots[at] - 1;
    }
    table->out->groups[table->out->n++] = wanted;
    table->slots[at] = table->out->n;
    return table->out->n - 1;
}

int click_groups_find(const struct row_batch *clicks, struct click_groups *out)
{
    size_t slots = 16;

    while (slots < 2 * clicks->n)
        slots *= 2;
    *out = (struct click_groups){.groups = reallocarray(NULL, clicks->n + 1, sizeof(*out->groups)),
                                 .of = reallocarray(NULL, clicks->n + 1, sizeof(*out->of))};
    struct table table = {out, calloc(slots, sizeof(*table.slots)), slots - 1};
    if (!out->groups || !out->of || !table.slots) {
        free(table.slots);
        click_groups_free(out);
        return -ENOMEM;
    }
    for (size_t i = 0; i < clicks->n; i++) {
        out->of[i] = clicks->rows[i].stored ? group_find(&table, &clicks->rows[i]) : CLICK_NO_GROUP;
        if (clicks->rows[i].stored)
            out->groups[out->of[i]].clicks++;
    }
    free(table.slots);
    return 0;
}

void click_groups_free(struct click_groups *groups)
{
    free(groups->groups);
    free(groups->of);
    *groups = (struct click_groups){0};
}
