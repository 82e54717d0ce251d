// Partitions ahead and on demand. Owner: the loader. They are made outside the loading transaction, because
// they lock the parent table and two loaders would wait for each other. Limits: MISSING_DAYS_MAX days a
// round.

#include "ingest/days.h"

#include <string.h>

#define DAYS_AHEAD 3

static void day_know(struct days *days, uint64_t day)
{
    days->known[day % DAY_SLOTS] = day;
}

static int partitions_ensure(struct pg *pg, uint64_t from, uint64_t to)
{
    struct pg_param params[] = {pg_int((int64_t)from), pg_int((int64_t)to)};
    return pg_query(pg,
                    "select clickledger.partition_ensure(date '1970-01-01' + $1::bigint::integer,"
                    " date '1970-01-01' + $2::bigint::integer)",
                    params, array_length(params), NULL);
}

int days_prepare(struct days *days, struct pg *pg, uint64_t today)
{
    int r = partitions_ensure(pg, today - 1, today + DAYS_AHEAD);

    if (r)
        return r;
    memset(days->known, 0, sizeof(days->known));
    for (uint64_t day = today - 1; day <= today + DAYS_AHEAD; day++)
        day_know(days, day);
    return 0;
}

void days_need(struct days *days, uint64_t day)
{
    if (days->known[day % DAY_SLOTS] == day || days->n_missing == MISSING_DAYS_MAX)
        return;
    for (size_t i = 0; i < days->n_missing; i++) {
        if (days->missing[i] == day)
            return;
    }
    days->missing[days->n_missing++] = day;
}

int days_make_missing(struct days *days, struct pg *pg)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < days->n_missing; i++) {
        r = partitions_ensure(pg, days->missing[i], days->missing[i]);
        if (r == 0)
            day_know(days, days->missing[i]);
    }
    return r;
}
