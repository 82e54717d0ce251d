// Partitions ahead and on demand. Owner: the loader. They are made outside the loading transaction, because
// they lock the parent table and two loaders would wait for each other. Limits: MISSING_DAYS_MAX days a
// round.

#include "ingest/days.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAYS_AHEAD     3
#define DAY_TEXT_BYTES 8 // a day's number and a comma

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

void days_begin(struct days *days)
{
    days->n_missing = 0;
    if (days->any_late)
        memset(days->late, 0, sizeof(days->late));
    days->any_late = false;
}

static void day_miss(struct days *days, uint64_t day)
{
    if (days->known[day % DAY_SLOTS] == day || days->n_missing == MISSING_DAYS_MAX)
        return;
    for (size_t i = 0; i < days->n_missing; i++) {
        if (days->missing[i] == day)
            return;
    }
    days->missing[days->n_missing++] = day;
}

void days_need(struct days *days, enum copy_table table, uint64_t day, uint64_t today)
{
    size_t slot = day % DAY_SLOTS;

    day_miss(days, day);
    if (day < today) {
        days->late[table][slot / 64] |= UINT64_C(1) << slot % 64;
        days->any_late = true;
    }
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

static bool day_is_late(const struct days *days, enum copy_table table, uint64_t day)
{
    size_t slot = day % DAY_SLOTS;
    return days->late[table][slot / 64] >> slot % 64 & 1;
}

static int table_tell_late(const struct days *days, struct pg *pg, enum copy_table table, uint64_t today)
{
    char list[2 + COPY_DAYS_BACK_MAX * DAY_TEXT_BYTES] = "{";
    size_t at = 1;

    for (uint64_t day = today - COPY_DAYS_BACK_MAX; day < today; day++) {
        if (day_is_late(days, table, day))
            at += (size_t)sprintf(list + at, "%s%" PRIu64, at > 1 ? "," : "", day);
    }
    if (at == 1)
        return 0;
    strcpy(list + at, "}");
    struct pg_param params[] = {pg_string(copy_table_name(table)), pg_string(list)};
    return pg_query(pg, "select clickledger.partition_late($1, $2::integer[])", params, array_length(params),
                    NULL);
}

int days_tell_late(const struct days *days, struct pg *pg, uint64_t today)
{
    int r = 0;

    for (enum copy_table table = 0; days->any_late && r == 0 && table < COPY_TABLES; table++)
        r = table_tell_late(days, pg, table, today);
    return r;
}
