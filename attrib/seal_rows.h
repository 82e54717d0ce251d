#pragma once

// Ledger transactions as the cells that are hashed.

#include "attrib/seal.h"
#include "base/pg.h"

// The columns after which a query may have its own, and where they come from; a transaction has one row per
// entry, in the order of the accounts. An adjustment of a closed month has that month and its own in its
// kind; of others the month follows from the commission. No function of the database is asked: who can change
// rows can change functions.
#define SEAL_COLUMNS                                                                                         \
    "t.id, t.key, t.kind || coalesce(':' || (extract(epoch from t.adjusts) * 1000000)::bigint || ':' || "    \
    "(extract(epoch from t.period) * 1000000)::bigint, ''), t.program_id, t.partner_id, t.conversion_id, "   \
    "t.currency, "                                                                                           \
    "(extract(epoch from t.posted_at) * 1000000)::bigint, t.payout_id, t.reason, t.author_key_id, "          \
    "t.run_id, "                                                                                             \
    "e.account_id, e.partner_id, e.amount_minor, a.kind, a.program_id, a.partner_id, a.currency"
#define SEAL_JOINS                                                                                           \
    "left join clickledger.ledger_transaction t on t.id = l.transaction_id "                                 \
    "left join clickledger.ledger_entry e on e.transaction_id = t.id "                                       \
    "left join clickledger.ledger_account a on a.id = e.account_id "
#define SEAL_ORDER "order by l.transaction_id, e.account_id"

enum seal_column {
    SEAL_ID = 0,
    SEAL_POSTED_US = 7,
    SEAL_TRANSACTION_CELLS = 12,
    SEAL_CELLS = 19, // with those of an entry; a query's own columns are from here on
};

// Hash of the transaction whose first row is *row; *row is set behind its last one. Rows of one transaction
// share column `key`.
struct seal_hash seal_rows_hash(const struct pg_result *rows, size_t key, size_t *row);
