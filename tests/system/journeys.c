// Decides journeys that it reads, by attrib/attribution.h: journeys < text > text. For
// tests/system/test_attrib_reference.py. A journey is a line
//   program time_us amount | model first_ppm last_ppm half_life_us precedence code_ppm windows_us (4)
//   touches_max | touches
// and as many lines of touches
//   kind is_human is_active is_of_order is_bound id time_us window_us program partner promo_code
// all numbers, names as the tables have them. For each touch it says: reason weight_ppm amount.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/attribution.h"

#define TOUCHES_MAX 300
#define WORD_BYTES  64

static bool journey_read(struct attribution *attribution, struct attribution_policy *policy, size_t *n)
{
    char model[WORD_BYTES], precedence[WORD_BYTES];
    int64_t *window_us = policy->window_us;

    if (scanf("%" SCNd64 " %" SCNd64 " %" SCNd64 " %63s %" SCNu32 " %" SCNu32 " %" SCNd64 " %63s %" SCNu32,
              &attribution->program_id, &attribution->time_us, &attribution->amount_minor, model,
              &policy->model.first_ppm, &policy->model.last_ppm, &policy->model.half_life_us, precedence,
              &policy->code_ppm) != 9)
        return false;
    policy->model.kind = model_find(slice_of(model));
    policy->precedence = touch_precedence_find(slice_of(precedence));
    attribution->policy = policy;
    return scanf("%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %u %zu", &window_us[0], &window_us[1],
                 &window_us[2], &window_us[3], &policy->touches_max, n) == 6 &&
           *n <= TOUCHES_MAX && policy->model.kind < MODEL_KINDS && policy->precedence < PRECEDENCES;
}

static bool touch_read(struct touch *touch, char id[WORD_BYTES])
{
    char kind[WORD_BYTES];
    int is[4];

    if (scanf("%63s %d %d %d %d %63s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, kind, &is[0],
              &is[1], &is[2], &is[3], id, &touch->time_us, &touch->window_us, &touch->program_id,
              &touch->partner_id, &touch->promo_code_id) != 11)
        return false;
    touch->kind = touch_kind_find(slice_of(kind));
    touch->is_human = is[0];
    touch->is_active = is[1];
    touch->is_of_order = is[2];
    touch->is_bound = is[3];
    touch->id = slice_of(id);
    return touch->kind < TOUCH_KINDS;
}

int main(void)
{
    static char ids[TOUCHES_MAX][WORD_BYTES];
    static struct touch touches[TOUCHES_MAX];
    struct attribution attribution;
    struct attribution_policy policy;
    size_t n;

    while (journey_read(&attribution, &policy, &n)) {
        for (size_t i = 0; i < n; i++) {
            if (!touch_read(&touches[i], ids[i]))
                return EXIT_FAILURE;
        }
        attribution_decide(&attribution, touches, n);
        for (size_t i = 0; i < n; i++)
            printf("%s %" PRIu32 " %" PRId64 "\n", touch_verdict_reason(touches[i].verdict),
                   touches[i].weight_ppm, touches[i].amount_minor);
    }
    return feof(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}
