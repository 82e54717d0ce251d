// Asks the lists of today about the senders of stored hits. Owner: the command. Of an hour only the different
// senders are fetched, and only the hits of those that are taken for something else now are written. Then the
// duplicates and unique visitors of the hour are found anew. Limits: an hour's different senders fit into
// memory.

#include "ingest/reclassify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arguments.h"
#include "base/array.h"
#include "base/list_load.h"
#include "ingest/copy_row.h"
#include "ingest/history.h"
#include "ingest/reclass.h"

#define TABLES COPY_REPORT // those before have classes

struct moves {
    uint64_t hits[TABLES][HIT_CLASS_COUNT][HIT_CLASS_COUNT]; // from, to
};

struct reclassify {
    struct agents *agents;
    struct datacentres *datacentres;
    bool datacentres_count;
    uint32_t version;
    struct moves hour, all;
};

// The senders of one table and hour that are something else now, as arrays for hit_reclass().
struct senders {
    struct array classes, reasons, agents, asns, became, because;
    size_t n;
};

enum sender_column { SENDER_CLASS, SENDER_REASON, SENDER_AGENT, SENDER_ASN };
enum move_column { MOVE_WAS, MOVE_NOW, MOVE_HITS };

static void senders_free(struct senders *senders)
{
    struct array *arrays[] = {&senders->classes, &senders->reasons, &senders->agents,
                              &senders->asns,    &senders->became,  &senders->because};

    for (size_t i = 0; i < array_length(arrays); i++)
        array_free(arrays[i]);
}

static enum hit_class class_of(struct slice name)
{
    unsigned class = HIT_CLASS_HUMAN;

    while (class < HIT_CLASS_COUNT - 1 && !slice_equal(name, slice_of(hit_class_name(class))))
        class ++;
    return (enum hit_class) class;
}

static void sender_judge(const struct reclassify *reclassify, const struct pg_result *rows, size_t row,
                         struct senders *senders)
{
    struct slice class = pg_result_cell(rows, row, SENDER_CLASS),
                 reason = pg_result_cell(rows, row, SENDER_REASON);
    struct slice agent = pg_result_cell(rows, row, SENDER_AGENT), asn = pg_result_cell(rows, row, SENDER_ASN);
    bool datacentre =
        reclassify->datacentres_count && asn.data &&
        datacentres_hold(reclassify->datacentres, (uint32_t)pg_result_int(rows, row, SENDER_ASN));
    enum hit_class agent_class = (enum hit_class)agents_find(reclassify->agents, agent).class;
    struct classification now;

    if (!reclass_decide(class_of(class), reason, agent_class, datacentre, &now))
        return;
    array_text(&senders->classes, class);
    array_text(&senders->reasons, reason);
    array_text(&senders->agents, agent);
    array_text(&senders->asns, asn);
    array_text(&senders->became, slice_of(hit_class_name(now.class)));
    array_text(&senders->because, slice_of(hit_reason_name(now.reason)));
    senders->n++;
}

static void moves_note(struct reclassify *reclassify, enum copy_table table, const struct pg_result *rows)
{
    for (size_t row = 0; row < pg_result_rows(rows); row++) {
        enum hit_class was = class_of(pg_result_cell(rows, row, MOVE_WAS));
        enum hit_class now = class_of(pg_result_cell(rows, row, MOVE_NOW));
        reclassify->hour.hits[table][was][now] += (uint64_t)pg_result_int(rows, row, MOVE_HITS);
    }
}

static int senders_write(struct reclassify *reclassify, struct pg *pg, enum copy_table table, int64_t from_ms,
                         int64_t to_ms, struct senders *senders)
{
    struct pg_result *rows = NULL;
    const struct pg_param params[] = {
        pg_string(copy_table_name(table)),
        pg_int(from_ms),
        pg_int(to_ms),
        pg_text(array_literal(&senders->classes)),
        pg_text(array_literal(&senders->reasons)),
        pg_text(array_literal(&senders->agents)),
        pg_text(array_literal(&senders->asns)),
        pg_text(array_literal(&senders->became)),
        pg_text(array_literal(&senders->because)),
        pg_int(reclassify->version),
    };

    for (size_t i = 3; i < array_length(params) - 1; i++) {
        if (params[i].is_null)
            return -ENOMEM;
    }
    int r =
        pg_query(pg,
                 "select was, is_now, hits from clickledger.hit_reclass($1, to_timestamp($2::bigint / 1000),"
                 " to_timestamp($3::bigint / 1000), $4, $5, $6, $7, $8, $9, $10::integer)",
                 params, array_length(params), &rows);
    if (r == 0)
        moves_note(reclassify, table, rows);
    pg_result_free(rows);
    return r;
}

static int table_run(struct reclassify *reclassify, struct pg *pg, enum copy_table table, int64_t from_ms,
                     int64_t to_ms)
{
    const struct pg_param params[] = {pg_string(copy_table_name(table)), pg_int(from_ms), pg_int(to_ms)};
    struct pg_result *rows = NULL;
    struct senders senders = {0};
    int r = pg_query(pg,
                     "select class, reason, user_agent, asn from clickledger.hit_senders($1,"
                     " to_timestamp($2::bigint / 1000), to_timestamp($3::bigint / 1000))",
                     params, array_length(params), &rows);

    if (r)
        return r;
    for (size_t row = 0; row < pg_result_rows(rows); row++)
        sender_judge(reclassify, rows, row, &senders);
    pg_result_free(rows);
    if (senders.n > 0)
        r = senders_write(reclassify, pg, table, from_ms, to_ms, &senders);
    senders_free(&senders);
    return r;
}

static int clicks_rejudge(struct reclassify *reclassify, struct pg *pg, int64_t from_ms, int64_t to_ms)
{
    const struct pg_param params[] = {pg_int(from_ms), pg_int(to_ms)};
    struct pg_result *rows = NULL;
    int r =
        pg_query(pg,
                 "select was, is_now, hits from clickledger.click_rejudge(to_timestamp($1::bigint / 1000),"
                 " to_timestamp($2::bigint / 1000))",
                 params, array_length(params), &rows);

    if (r == 0)
        moves_note(reclassify, COPY_CLICK, rows);
    pg_result_free(rows);
    return r;
}

static int hour_reclassify(void *ctx, struct pg *pg, int64_t from_ms, int64_t to_ms)
{
    struct reclassify *reclassify = ctx;
    int r = 0;

    reclassify->hour = (struct moves){0};
    for (enum copy_table table = COPY_CLICK; r == 0 && table < TABLES; table++)
        r = table_run(reclassify, pg, table, from_ms, to_ms);
    return r ? r : clicks_rejudge(reclassify, pg, from_ms, to_ms);
}

static uint64_t hour_count(void *ctx)
{
    struct reclassify *reclassify = ctx;
    uint64_t *all = &reclassify->all.hits[0][0][0], *hour = &reclassify->hour.hits[0][0][0], moved = 0;

    for (size_t i = 0; i < sizeof(struct moves) / sizeof(uint64_t); i++) {
        all[i] += hour[i];
        moved += hour[i];
    }
    return moved;
}

static void moves_tell(const struct moves *moves, bool dry_run)
{
    printf("%-12s %-10s %-10s %10s\n", "table", "from", "to", "hits");
    for (enum copy_table table = COPY_CLICK; table < TABLES; table++) {
        for (unsigned was = 1; was < HIT_CLASS_COUNT; was++) {
            for (unsigned now = 1; now < HIT_CLASS_COUNT; now++) {
                if (moves->hits[table][was][now] > 0)
                    printf("%-12s %-10s %-10s %10" PRIu64 "\n", copy_table_name(table), hit_class_name(was),
                           hit_class_name(now), moves->hits[table][was][now]);
            }
        }
    }
    if (dry_run)
        printf("nothing was written\n");
}

static int lists_take(struct reclassify *reclassify, const struct ingest_settings *settings)
{
    char why[LIST_WHY_BYTES];
    const char *option = "agents_list";
    int r = agents_load(&reclassify->agents, settings->agents_list, why);

    if (r == 0) {
        option = "datacentres_list";
        r = datacentres_load(&reclassify->datacentres, settings->datacentres_list, why);
    }
    if (r) {
        fprintf(stderr, "clickledger-ingest: reclassify: %s: %s\n", option, why);
        return r;
    }
    reclassify->datacentres_count = settings->datacentre_class == INGEST_DATACENTRE_BOT;
    reclassify->version = lists_version(reclassify->agents, reclassify->datacentres);
    return 0;
}

int reclassify_command(const void *settings, int argc, char **argv)
{
    static struct reclassify reclassify;
    struct history history = {.name = "reclassify",
                              .from_ms = -1,
                              .to_ms = -1,
                              .begin = "begin",
                              .ctx = &reclassify,
                              .hour = hour_reclassify,
                              .hour_done = hour_count};
    const struct argument arguments[] = {argument_time("--from", &history.from_ms),
                                         argument_time("--to", &history.to_ms),
                                         argument_flag("--dry-run", &history.dry_run)};

    if (arguments_read(arguments, array_length(arguments), argc, argv) || history_range(&history))
        return ARGUMENTS_WRONG;
    int status = lists_take(&reclassify, settings) ? 1 : history_run(&history, settings);
    if (reclassify.version > 0)
        moves_tell(&reclassify.all, history.dry_run);
    agents_free(reclassify.agents);
    free(reclassify.datacentres);
    return status;
}
