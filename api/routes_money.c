// Routes of money: the ledger, payouts, adjustments, rates. See api/route_fields.h.

#include "api/route_fields.h"

// clang-format off
static const struct field payouts_fields[] = {
    PROGRAM, PARTNER, STATUS("requested|paid|cancelled|refused"), PAGE,
};
static const struct field payout_fields[] = {OF_PROGRAM};
static const struct field payout_paid_fields[] = {
    ID,
    {"reference", FIELD_BODY, FIELD_TEXT, true, 1, 200, NULL, "of the payment outside, e.g. the bank's number"},
};
static const struct field payout_end_fields[] = {
    ID,
    {"reason", FIELD_BODY, FIELD_TEXT, true, 1, 500, NULL, "why; the partner sees it"},
};
static const struct field payout_policy_fields[] = {
    ID,
    {"min_minor", FIELD_BODY, FIELD_WHOLE, true, 1, MINOR_MAX, NULL, "least that is paid out, in minor units"},
};
static const struct field rates_fields[] = {PAGE};
static const struct field rate_fields[] = {
    {"from_currency", FIELD_BODY, FIELD_TEXT, true, 3, 3, NULL, "of reports; ISO 4217"},
    {"to_currency", FIELD_BODY, FIELD_TEXT, true, 3, 3, NULL, "of programmes; ISO 4217"},
    {"valid_from", FIELD_BODY, FIELD_TIME, true, 0, 0, NULL, "for conversions from then on"},
    {"rate", FIELD_BODY, FIELD_TEXT, true, 1, 20, NULL,
     "units of to_currency for one of from_currency, a decimal text of up to 12 places: \"92.1357\""},
    {"source", FIELD_BODY, FIELD_TEXT, true, 1, 200, NULL, "who says so; partners see it"},
};
static const struct field periods_fields[] = {PROGRAM, PARTNER, PAGE};
static const struct field period_fields[] = {
    ID,
    {"month", FIELD_BODY, FIELD_TOKEN, true, 1, TOKEN_MAX, NULL, "YYYY-MM, in the programme's zone"},
    {"note", FIELD_BODY, FIELD_TEXT, false, 1, 500, NULL, "for the team"},
};
static const struct field adjustment_fields[] = {
    OF_PROGRAM, OF_PARTNER,
    {"key", FIELD_BODY, FIELD_TOKEN, true, 1, TOKEN_MAX, NULL, "of this adjustment: the same again is not done twice"},
    {"amount_minor", FIELD_BODY, FIELD_WHOLE, true, -MINOR_MAX, MINOR_MAX, NULL,
     "what the partner gains, below zero loses; in minor units"},
    {"reason", FIELD_BODY, FIELD_TEXT, true, 1, 500, NULL, "why; the partner sees it"},
};
static const struct field balance_fields[] = {PROGRAM, PARTNER};
static const struct field statement_fields[] = {
    PROGRAM, PARTNER,
    {"currency", FIELD_QUERY, FIELD_TOKEN, false, 3, 3, NULL, "only in this currency"},
    PAGE,
};

// Members of what answers show, in the order of CSV.
#define SHAPE_RATE \
    "id,from_currency,to_currency,valid_from,rate,source,created_at"
#define SHAPE_PAYOUT \
    "id,program_id,partner_id,currency,amount_minor,status,reference,reason,lines,requested_at,decided_at"

static const struct route rows[] = {
    {HTTP_GET, "/v1/balance", READ("api_balance"), ROUTE_ANY, 200, false,
     "Sums of the ledger.", FIELDS(balance_fields),
     .csv = "partner_id,currency,pending_minor,available_minor,reserved_minor,paid_minor"},
    {HTTP_GET, "/v1/statement", READ("api_statement"), ROUTE_ANY, 200, false,
     "Lines of the ledger, the newest first, a partner's with its balance; the head of the newest seal.",
     FIELDS(statement_fields),
     .csv = "transaction_id,posted_at,kind,account,program_id,partner_id,conversion_id,payout_id,reason,"
            "author_key_id,currency,amount_minor,balance_minor,period,adjusts,seal_id"},
    {HTTP_GET, "/v1/periods", READ("api_periods"), ROUTE_ANY, 200, false,
     "Sums of the ledger per month, what adjusts closed ones, and who closed them.", FIELDS(periods_fields),
     .csv = "program_id,month,currency,earned_minor,of_earlier_minor,adjusted_later_minor,closed_at,"
            "closed_by"},
    {HTTP_POST, "/v1/programs/{id}/periods/close", WRITE("api_period_close"), ROUTE_FINANCE, 200, false,
     "Closes a month that is over, and all before it.", FIELDS(period_fields),
     .answer = "program_id,month,closed_at,api_key_id,note"},
    {HTTP_PATCH, "/v1/programs/{id}/payout-policy", READ("api_payout_policy"), ROUTE_FINANCE, 200, false,
     "Sets the least that a programme pays out.", FIELDS(payout_policy_fields),
     .answer = "program_id,min_minor"},
    {HTTP_GET, "/v1/currency-rates", READ("api_rates"), ROUTE_TEAM, 200, false,
     "Rates of currencies.", FIELDS(rates_fields),
     .csv = SHAPE_RATE},
    {HTTP_POST, "/v1/currency-rates", WRITE("api_rate_create"), ROUTE_FINANCE, 201, false,
     "A rate; one with the same currencies and valid_from corrects the earlier.", FIELDS(rate_fields),
     .answer = SHAPE_RATE},
    {HTTP_GET, "/v1/payouts", READ("api_payouts"), ROUTE_ANY, 200, false,
     "Payouts.", FIELDS(payouts_fields),
     .csv = SHAPE_PAYOUT},
    {HTTP_POST, "/v1/payouts", WRITE("api_payout_create"), ROUTE_PARTNER, 201, false,
     "Asks for all that is available; it is reserved at once.", FIELDS(payout_fields),
     .answer = SHAPE_PAYOUT},
    {HTTP_POST, "/v1/payouts/{id}/paid", WRITE("api_payout_paid"), ROUTE_FINANCE, 200, false,
     "Notes that a payout was paid, once.", FIELDS(payout_paid_fields),
     .answer = SHAPE_PAYOUT},
    {HTTP_POST, "/v1/payouts/{id}/cancel", WRITE("api_payout_cancel"), ROUTE_PARTNER_FINANCE, 200, false,
     "Takes a request back; the amount is available again.", FIELDS(payout_end_fields),
     .answer = SHAPE_PAYOUT},
    {HTTP_POST, "/v1/payouts/{id}/refuse", WRITE("api_payout_refuse"), ROUTE_FINANCE, 200, false,
     "Refuses a payout; the amount is available again.", FIELDS(payout_end_fields),
     .answer = SHAPE_PAYOUT},
    {HTTP_POST, "/v1/adjustments", WRITE("api_adjustment_create"), ROUTE_FINANCE, 201, false,
     "Gives a partner an amount, or takes it, by hand.", FIELDS(adjustment_fields),
     .answer = "transaction_id,key,program_id,partner_id,currency,amount_minor,reason,author_key_id,posted_at"},
};
// clang-format on

const struct route_list routes_money = {rows, array_length(rows)};
