// A version of terms as the editor's fields (all of them text) and as the API takes it. Rates are percent for people and parts per million
// for the API; a rule's fields are called <rule>.<field>.
import { t } from "../lib/i18n.js";
import { exponentOf, minorOf } from "../lib/money.js";

export const CONDITIONS = ["product", "category", "partner_group", "customer_kind", "channel", "country", "kind"];
const SUMS = ["order_min", "order_max", "month_max"];
const STANDARD_HOLD = "14", STANDARD_WINDOW = "30";
const PPM_MAX = 1_000_000;

/** Parts per million of a percentage that somebody typed; null: it is none. */
function ppmOf(text) {
  const found = /^(\d{1,3})(?:[.,](\d{1,4}))?\s*%?$/.exec(String(text).trim());
  const ppm = found && Number(found[1] + (found[2] ?? "").padEnd(4, "0"));
  return found && ppm <= PPM_MAX ? ppm : null;
}

const percentOf = (ppm) => (ppm === null || ppm === undefined ? "" : String(ppm / 10_000));

function amountOf(minor, currency) {
  if (minor === null || minor === undefined) return "";
  const decimals = exponentOf(currency);
  const digits = String(minor).padStart(decimals + 1, "0");
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
}

const tierLines = (text) => text.split("\n").map((line) => line.trim().split(/[\s;:]+/)).filter(([first]) => first);

export const blankRule = (id) => Object.fromEntries([
  ...CONDITIONS.map((name) => [`${id}.${name}`, ""]), ...SUMS.map((name) => [`${id}.${name}`, ""]),
  ...[["commission_kind", "percent"], ["rate", ""], ["fixed", ""], ["tier_mode", "marginal"], ["tiers", ""], ["hold_days", ""]].map(([name, value]) => [`${id}.${name}`, value]),
]);

function ruleValues(id, rule, currency) {
  const values = { ...blankRule(id), [`${id}.commission_kind`]: rule.tiers?.length ? "tiers" : rule.commission_kind };
  for (const name of CONDITIONS) values[`${id}.${name}`] = rule[name] ?? "";
  for (const name of SUMS) values[`${id}.${name}`] = amountOf(rule[`${name}_minor`], currency);
  return {
    ...values, [`${id}.rate`]: percentOf(rule.rate_ppm), [`${id}.fixed`]: amountOf(rule.fixed_minor, currency), [`${id}.tier_mode`]: rule.tier_mode ?? "marginal",
    [`${id}.tiers`]: (rule.tiers ?? []).map((tier) => `${amountOf(tier.from_minor, currency)} ${percentOf(tier.rate_ppm)}`).join("\n"),
    [`${id}.hold_days`]: String(rule.hold_days ?? ""),
  };
}

/** The editor's fields, beginning with an earlier version ({}: with nothing). */
export function valuesOf(terms, currency) {
  const rules = terms.rules ?? [];
  return Object.assign({
    partner_id: String(terms.partner_id ?? ""), effective_from: "", commission_kind: terms.commission_kind ?? "percent", rate: percentOf(terms.rate_ppm), fixed: amountOf(terms.fixed_minor, currency),
    hold_days: String(terms.hold_days ?? STANDARD_HOLD), window_days: String(terms.window_days ?? STANDARD_WINDOW), precedence: terms.precedence ?? "code_over_click",
    needs_acceptance: terms.needs_acceptance ?? false, rules: rules.map((_, i) => `r${i}`),
  }, ...rules.map((rule, i) => ruleValues(`r${i}`, rule, currency)));
}

function rateErrors(values, prefix, currency) {
  const kind = values[`${prefix}commission_kind`];
  const errors = {};
  if ((kind === "percent" || kind === "hybrid") && ppmOf(values[`${prefix}rate`]) === null) errors[`${prefix}rate`] = t("team.rate.wrong");
  if ((kind === "fixed" || kind === "hybrid") && !(minorOf(values[`${prefix}fixed`], currency) >= 0)) errors[`${prefix}fixed`] = t("team.amount.wrong");
  return errors;
}

function ruleErrors(values, id, currency) {
  const errors = rateErrors(values, `${id}.`, currency);
  for (const name of SUMS) {
    const text = values[`${id}.${name}`];
    if (text && minorOf(text, currency) === null) errors[`${id}.${name}`] = t("team.amount.wrong");
  }
  const lines = tierLines(values[`${id}.tiers`]);
  const good = lines.length > 0 && lines.every(([from, rate, more]) => minorOf(from, currency) !== null && rate && ppmOf(rate) !== null && more === undefined);
  if (values[`${id}.commission_kind`] === "tiers" && !good) errors[`${id}.tiers`] = t("team.tiers.wrong");
  return errors;
}

export const checkTerms = (values, currency) => Object.assign(rateErrors(values, "", currency), ...values.rules.map((id) => ruleErrors(values, id, currency)));

function ruleOf(values, id, currency) {
  const value = (name) => values[`${id}.${name}`];
  const kind = value("commission_kind");
  const rule = { commission_kind: kind === "tiers" ? "percent" : kind };
  for (const name of CONDITIONS) if (value(name).trim()) rule[name] = value(name).trim();
  for (const name of SUMS) if (value(name)) rule[`${name}_minor`] = minorOf(value(name), currency);
  if (kind === "percent" || kind === "hybrid") rule.rate_ppm = ppmOf(value("rate"));
  if (kind === "fixed" || kind === "hybrid") rule.fixed_minor = minorOf(value("fixed"), currency);
  if (kind === "tiers") {
    rule.tier_mode = value("tier_mode");
    rule.tiers = tierLines(value("tiers")).map(([from, rate]) => ({ from_minor: minorOf(from, currency), rate_ppm: ppmOf(rate) }));
  }
  if (value("hold_days") !== "") rule.hold_days = Number(value("hold_days"));
  return rule;
}

/** What POST /v1/programs/{id}/terms takes. */
export function bodyOf(values, currency) {
  return {
    ...(values.partner_id && { partner_id: Number(values.partner_id) }),
    ...(values.effective_from && { effective_from: new Date(values.effective_from).toISOString() }),
    commission_kind: values.commission_kind,
    ...(values.commission_kind === "percent" ? { rate_ppm: ppmOf(values.rate) } : { fixed_minor: minorOf(values.fixed, currency) }),
    hold_days: Number(values.hold_days || 0), window_days: Number(values.window_days || STANDARD_WINDOW), precedence: values.precedence,
    needs_acceptance: values.needs_acceptance, rules: values.rules.map((id) => ruleOf(values, id, currency)),
  };
}
