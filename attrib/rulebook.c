// Terms and policies in memory. Owner: a pass over many conversions (attrib/credit_pass.c). Limit: all
// versions of all programmes are held, some hundred bytes each.

#include "attrib/rulebook.h"

#include <errno.h>
#include <stdlib.h>

#include "attrib/policy_row.h"

#define WINDOW_DEFAULT_US (INT64_C(30) * 86400000000) // where no terms are in force

struct rulebook_terms {
    int64_t program_id, partner_id, from_us; // partner 0: of the programme
    int64_t window_us;
    bool is_last_touch;
};

struct rulebook_policy {
    int64_t program_id, from_us;
    struct attribution_policy policy;
};

static const struct attribution_policy code_over_click = {
    .model = {.kind = MODEL_LAST},
    .precedence = PRECEDENCE_CODE_OVER_CLICK,
    .window_us = {WINDOW_OF_TERMS, WINDOW_OF_TERMS, 0, 0},
    .touches_max = 50,
};
static const struct attribution_policy last_touch = {
    .model = {.kind = MODEL_LAST},
    .precedence = PRECEDENCE_NONE,
    .window_us = {WINDOW_OF_TERMS, WINDOW_OF_TERMS, 0, 0},
    .touches_max = 50,
};

static int terms_load(struct rulebook *book, struct pg *pg)
{
    struct pg_result *rows = NULL;
    int r = pg_query(pg, "select * from clickledger.terms_list()", NULL, 0, &rows);

    if (r)
        return r;
    book->n_terms = pg_result_rows(rows);
    book->terms = calloc(book->n_terms + 1, sizeof(book->terms[0]));
    for (size_t row = 0; book->terms && row < book->n_terms; row++)
        book->terms[row] = (struct rulebook_terms){
            .program_id = pg_result_int(rows, row, 0),
            .partner_id = pg_result_int(rows, row, 1),
            .from_us = pg_result_int(rows, row, 2),
            .window_us = pg_result_int(rows, row, 3),
            .is_last_touch = pg_result_bool(rows, row, 4),
        };
    pg_result_free(rows);
    return book->terms ? 0 : -ENOMEM;
}

static int policies_load(struct rulebook *book, struct pg *pg)
{
    struct pg_result *rows = NULL;
    int r = pg_query(pg, "select * from clickledger.policy_list()", NULL, 0, &rows);

    if (r)
        return r;
    book->n_policies = pg_result_rows(rows);
    book->policies = calloc(book->n_policies + 1, sizeof(book->policies[0]));
    r = book->policies ? 0 : -ENOMEM;
    for (size_t row = 0; r == 0 && row < book->n_policies; row++) {
        struct rulebook_policy *policy = &book->policies[row];
        policy->program_id = pg_result_int(rows, row, 0);
        policy->from_us = pg_result_int(rows, row, 1);
        r = policy_read(rows, row, 2, &policy->policy);
    }
    pg_result_free(rows);
    return r;
}

int rulebook_load(struct rulebook *book, struct pg *pg)
{
    int r = terms_load(book, pg);
    return r ? r : policies_load(book, pg);
}

void rulebook_free(struct rulebook *book)
{
    free(book->terms);
    free(book->policies);
    *book = (struct rulebook){0};
}

static int terms_compare(const void *key, const void *item)
{
    const struct rulebook_terms *wanted = key, *terms = item;

    if (wanted->program_id != terms->program_id)
        return wanted->program_id < terms->program_id ? -1 : 1;
    return (wanted->partner_id > terms->partner_id) - (wanted->partner_id < terms->partner_id);
}

// The newest version that is in force. NULL: none is.
static const struct rulebook_terms *terms_find(const struct rulebook *book, int64_t program_id,
                                               int64_t partner_id, int64_t at_us)
{
    const struct rulebook_terms wanted = {.program_id = program_id, .partner_id = partner_id};
    const struct rulebook_terms *found =
        bsearch(&wanted, book->terms, book->n_terms, sizeof(wanted), terms_compare);

    if (!found)
        return NULL;
    while (found > book->terms && terms_compare(&wanted, found - 1) == 0)
        found--;
    for (; found < book->terms + book->n_terms && terms_compare(&wanted, found) == 0; found++) {
        if (found->from_us <= at_us)
            return found;
    }
    return NULL;
}

int64_t rulebook_window_us(const struct rulebook *book, int64_t program_id, int64_t partner_id, int64_t at_us)
{
    const struct rulebook_terms *terms = partner_id ? terms_find(book, program_id, partner_id, at_us) : NULL;

    if (!terms)
        terms = terms_find(book, program_id, 0, at_us);
    return terms ? terms->window_us : WINDOW_DEFAULT_US;
}

const struct attribution_policy *rulebook_policy(const struct rulebook *book, int64_t program_id,
                                                 int64_t at_us)
{
    size_t low = 0, high = book->n_policies;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (book->policies[middle].program_id < program_id)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < book->n_policies && book->policies[low].program_id == program_id; low++) {
        if (book->policies[low].from_us <= at_us)
            return &book->policies[low].policy;
    }
    const struct rulebook_terms *terms = terms_find(book, program_id, 0, at_us);
    return terms && terms->is_last_touch ? &last_touch : &code_over_click;
}
