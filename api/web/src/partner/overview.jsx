// The overview: what came of the partner's traffic in a period, against the one before; drawn by day, and by whatever the reader asks.
import { useData, FRESH_MS, SLOW_MS } from "../lib/data.js";
import { language, t, word } from "../lib/i18n.js";
import { compactText, countText, exponentOf, moneyText, percentText, wholeMinor } from "../lib/money.js";
import { place, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { dayPlus, dayShort, daysBetween, dayWithWeekday, zone } from "../lib/time.js";
import { Chart } from "../ui/chart.jsx";
import { Notice, Segments, Select } from "../ui/field.jsx";
import { Figures } from "../ui/figures.jsx";
import { PeriodChoice, usePeriod } from "../ui/period.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Csv, Empty, Failure, Table } from "../ui/table.jsx";
import { Change, Money, Sums } from "../ui/value.jsx";
import { linkName, ProgramFilter, useLinks, usePrograms } from "./programs.jsx";

const NOTHING = { clicks: 0, clicks_not_counted: 0, conversions: 0, conversions_declined: 0, cr_ppm: null, epc_minor: null, aov_minor: null, revenue_minor: 0, commission_minor: 0 };

// Each metric once: how it is read from a row of the API, and how it is written.
const METRICS = {
  clicks: { value: (row) => row.clicks, kind: "count" },
  conversions: { value: (row) => row.conversions, kind: "count" },
  cr: { value: (row) => row.cr_ppm, kind: "rate" },
  epc: { value: (row) => wholeMinor(row.epc_minor), kind: "money" },
  aov: { value: (row) => wholeMinor(row.aov_minor), kind: "money" },
  commission: { value: (row) => row.commission_minor, kind: "money" },
};

const GROUPS = ["day", "link", "sub", "utm_source", "country", "device", "class"];
const ROLLED_UP = ["link", "class"];
const SUBS = Array.from({ length: 10 }, (_, i) => `sub${i + 1}`);

function written(kind, value, currency) {
  if (kind === "money") return <Money minor={value} currency={currency} />;
  return kind === "rate" ? percentText(value) : countText(value);
}

function drawn(kind, currency) {
  return (value, axis) => {
    if (value === null || value === undefined) return "–";
    if (kind === "rate") return percentText(Math.round(value), axis ? 0 : 2);
    if (kind === "count") return axis ? compactText(value) : countText(value);
    return axis ? compactText(value / 10 ** exponentOf(currency)) : moneyText(value, currency);
  };
}

const ofCurrency = (rows, currency) => (rows ?? []).filter((row) => row.currency === currency);
const comparable = (value) => (value === null ? null : Math.round(value * 1000));

function BalanceRow({ query }) {
  const { data, error } = useData("/v1/balance", query, { every: FRESH_MS });
  if (error) return null;
  const sums = data?.data;
  return (
    <Figures label={t("overview.balance")} items={["pending", "available", "reserved", "paid"].map((member) => (
      { key: member, title: t(`balance.${member}`), value: sums && <Sums of={sums} member={`${member}_minor`} />, note: member === "available"
        ? <a href="/cabinet/payouts">{t("overview.payout")}</a> : t(`balance.${member}_note`) }))} />
  );
}

function MetricRow({ now, before, currency, metric }) {
  return (
    <Figures label={t("overview.metrics")} items={Object.entries(METRICS).map(([key, { value, kind }]) => ({
      key, title: t(`metric.${key}`), selected: key === metric, onSelect: () => setQuery({ metric: key === "clicks" ? null : key }),
      value: now && written(kind, value(now), currency),
      note: now && <Change now={comparable(value(now))} before={before && comparable(value(before))} />,
    }))} />
  );
}

function DayChart({ stats, period, currency, metric }) {
  const { value, kind } = METRICS[metric];
  const length = daysBetween(period.from, period.to) + 1;
  const days = Array.from({ length }, (_, i) => dayPlus(period.from, i));
  const line = (rows, first) => {
    const found = new Map(ofCurrency(rows, currency).map((row) => [row.day, row]));
    return Array.from({ length }, (_, i) => value(found.get(dayPlus(first, i)) ?? NOTHING) ?? 0);
  };
  const series = [{ title: t(`metric.${metric}`), kind: kind === "rate" ? "line" : "bars", values: line(stats.data, period.from) }];
  if (stats.previous) series.push({ title: t("overview.before"), kind: "before", values: line(stats.previous.data, dayPlus(period.from, -length)) });
  return (
    <Chart labels={days.map(dayShort)} series={series} format={drawn(kind, currency)}
      summary={t("overview.chart", { metric: t(`metric.${metric}`), from: dayShort(period.from), to: dayShort(period.to) })} />
  );
}

function keyText(group, row, links) {
  if (group === "day") return dayWithWeekday(row.day);
  if (group === "link") return row.link_id ? (linkName(links.get(row.link_id)) ?? `#${row.link_id}`) : t("group.no_link");
  const value = row[group];
  if (value === null || value === undefined || value === "") return <span class="none">{t("group.none")}</span>;
  if (group === "country") return new Intl.DisplayNames(language.get(), { type: "region", fallback: "code" }).of(value) ?? value;
  return word(group, value);
}

function Breakdown({ group, rows, total, currency, links, stale }) {
  const column = (key, cell) => ({ key, title: t(`metric.${key}`), kind: "number", cell, total: cell });
  const metric = (key) => column(key, (row) => written(METRICS[key].kind, METRICS[key].value(row), currency));
  const columns = [
    { key: "key", title: t(`group.${group}`), kind: "main", cell: (row) => keyText(group, row, links), total: () => t("table.total") },
    metric("clicks"), column("not_counted", (row) => countText(row.clicks_not_counted)),
    ...(group === "class" ? [] : [metric("conversions"), metric("cr"), metric("epc"), metric("aov"), metric("commission")]),
  ];
  return (
    <Table caption={t("overview.by", { what: t(`group.${group}`) })} columns={columns} rows={rows} total={rows?.length > 1 && total} stale={stale} dense
      rowKey={(row) => String(row.link_id ?? row[group])} />
  );
}

function chosenGroup(query) {
  const group = query.by ?? "day";
  if (GROUPS.includes(group)) return [group === "sub" ? "sub1" : group, group];
  return SUBS.includes(group) ? [group, "sub"] : ["day", "day"];
}

export function Overview() {
  const { query } = useStore(place);
  const period = usePeriod();
  const programs = usePrograms();
  const links = useLinks();
  const [group, groupKind] = chosenGroup(query);
  const metric = query.metric in METRICS ? query.metric : "clicks";
  const asked = { from: period.from, to: period.to, tz: useStore(zone), program_id: query.program, link_id: query.link };
  const days = useData("/v1/stats", { ...asked, group_by: "day", compare: "previous" }, { every: FRESH_MS });
  const parts = useData(group === "day" ? null : "/v1/stats", { ...asked, group_by: group }, { every: ROLLED_UP.includes(group) ? FRESH_MS : SLOW_MS });
  const shown = group === "day" ? days : parts;

  const totals = days.data?.totals ?? [];
  const currency = totals.find((sum) => sum.currency === query.currency)?.currency
    ?? [...totals].sort((one, other) => other.commission_minor - one.commission_minor || other.clicks - one.clicks)[0]?.currency ?? programs.list?.[0]?.currency;
  const now = days.data && (ofCurrency(totals, currency)[0] ?? NOTHING);
  const before = days.data?.previous && ofCurrency(days.data.previous.totals, currency)[0];
  // Orders have no class: they stand under null.
  const rows = shown.data?.group_by === group ? ofCurrency(shown.data.data, currency).filter((row) => group !== "class" || row.class) : undefined;
  const nothing = days.data && !days.stale && !totals.length;

  return (
    <Page title={t("overview.title")} actions={
      <>
        <ProgramFilter programs={programs} />
        <PeriodChoice />
      </>}>
      <BalanceRow query={{ program_id: query.program }} />
      <Section class="overview-metrics" title={t("overview.traffic")} actions={totals.length > 1 && (
        <Segments label={t("field.currency")} options={totals.map((sum) => [sum.currency, sum.currency])} value={currency} onChange={(chosen) => setQuery({ currency: chosen })} />
      )}>
        {days.error && <Failure error={days.error} retry={days.reload} />}
        {query.link && <Notice>{t("overview.one_link", { name: linkName(links.get(Number(query.link))) ?? query.link })} <a href="/cabinet">{t("overview.all_links")}</a></Notice>}
        <MetricRow now={now} before={before} currency={currency} metric={metric} />
        {days.data && <DayChart stats={days.data} period={period} currency={currency} metric={metric} />}
      </Section>
      <Section title={t("overview.details")} actions={<Csv path="/v1/stats" query={{ ...asked, group_by: group }} />}>
        <div class="filters">
          <Segments label={t("overview.group")} options={GROUPS.map((key) => [key, t(`group.${key}`)])} value={groupKind} onChange={(key) => setQuery({ by: key === "day" ? null : key })} />
          {groupKind === "sub" && <Select aria-label={t("group.sub")} options={SUBS.map((key) => [key, key])} value={group} onChange={(key) => setQuery({ by: key })} />}
        </div>
        {shown.error ? <Failure error={shown.error} retry={shown.reload} />
          : nothing
            ? <Empty icon="link" title={t("overview.empty")} action={<a class="button primary" href="/cabinet/links/new">{t("links.new")}</a>}>{t("overview.empty_text")}</Empty>
            : <Breakdown group={group} rows={group === "day" ? rows && [...rows].reverse() : rows} total={now} currency={currency} links={links} stale={shown.stale && !!rows} />}
      </Section>
    </Page>
  );
}
