// How the programmes do. All filters are in the URL, so its address is the view.
import { FRESH_MS, SLOW_MS, useData } from "../lib/data.js";
import { language, t, word } from "../lib/i18n.js";
import { compactText, countText, exponentOf, moneyText, percentText } from "../lib/money.js";
import { setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { dayPlus, dayShort, daysBetween, zone } from "../lib/time.js";
import { Chart } from "../ui/chart.jsx";
import { Segments } from "../ui/field.jsx";
import { Figures } from "../ui/figures.jsx";
import { PeriodChoice, usePeriod } from "../ui/period.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Csv, Empty, Failure, Table } from "../ui/table.jsx";
import { Change, Money } from "../ui/value.jsx";
import { PartnerFilter, ProgramFilter, useFilters } from "./choice.jsx";
import { GroupFilter } from "./groups.jsx";
import { programs } from "./names.js";

const LINES = ["revenue_minor", "commission_minor", "earned_minor", "clicks", "conversions"];
const GROUPS = ["utm_source", "country", "device"];

/** Seconds as the largest unit of which there are two or more. */
function durationText(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, one]) => seconds >= 2 * one) ?? ["second", 1];
  return new Intl.NumberFormat(language.get(), { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 }).format(seconds / size);
}

/** Of a list whose rows have a currency, those of the one that is shown. */
const inCurrency = (rows, currency) => rows?.filter((row) => row.currency === currency);

function Days({ data, period, line, currency }) {
  const days = Array.from({ length: daysBetween(period.from, period.to) + 1 }, (_, i) => dayPlus(period.from, i));
  const known = new Map(inCurrency(data?.days, currency)?.map((row) => [row.day, row[line]]));
  const format = (value, short) => {
    if (!line.endsWith("_minor")) return countText(value);
    return short ? compactText(value / 10 ** exponentOf(currency)) : moneyText(value, currency);
  };
  const title = t(`team.line.${line}`);
  return (
    <Section title={title}>
      <Chart labels={days.map(dayShort)} series={[{ title, values: days.map((day) => known.get(day) ?? 0), kind: "bars" }]} format={format} summary={t("team.chart", { what: title })} />
    </Section>
  );
}

function Ranks({ data, query, currency }) {
  const columns = [
    { key: "name", title: t("team.partner"), kind: "main", cell: (row) => <a href={`/team/partners/${row.partner_id}`}>{row.partner_name}</a> },
    { key: "earned", title: t("team.earned"), kind: "number", cell: (row) => <Money minor={row.earned_minor} currency={currency} /> },
    { key: "change", title: t("team.change"), kind: "number", cell: (row) => <><Money minor={row.change_minor} currency={currency} signed /><small><Change now={row.earned_minor} before={row.earned_before_minor} /></small></> },
  ];
  return (
    <div class="ranks">
      {["top", "falling"].map((rank) => (
        <Section key={rank} title={t(`team.rank.${rank}`)} actions={<Csv path="/v1/dashboard/partners" query={query} />}>
          {data && !inCurrency(data[rank], currency).length
            ? <Empty icon={rank === "top" ? "people" : "check"} title={t(`team.rank.${rank}.none`)} />
            : <Table caption={t(`team.rank.${rank}`)} columns={columns} rows={inCurrency(data?.[rank], currency)} rowKey={(row) => row.partner_id} />}
        </Section>
      ))}
    </div>
  );
}

function Channels({ query, currency }) {
  const by = useFilters("by").by;
  const group = GROUPS.includes(by) ? by : GROUPS[0];
  const { data, error, stale, reload } = useData("/v1/stats", { ...query, group_by: group }, { every: SLOW_MS });
  const number = (key, cell) => ({ key, title: t(`metric.${key}`), kind: "number", cell });
  const columns = [
    { key: "group", title: t(`group.${group}`), kind: "main", cell: (row) => (row[group] ? word(group, row[group]) : t("group.none")) },
    number("clicks", (row) => countText(row.clicks)), number("conversions", (row) => countText(row.conversions)), number("cr", (row) => percentText(row.cr_ppm)),
    number("revenue", (row) => <Money minor={row.revenue_minor} currency={row.currency} />), number("commission", (row) => <Money minor={row.commission_minor} currency={row.currency} />),
  ];
  const rows = data?.group_by === group ? inCurrency(data.data, currency) : undefined;
  return (
    <Section title={t("team.channels")} actions={(
      <>
        <Segments label={t("team.channels")} options={GROUPS.map((one) => [one, t(`group.${one}`)])} value={group} onChange={(one) => setQuery({ by: one })} />
        <Csv path="/v1/stats" query={{ ...query, group_by: group }} />
      </>
    )}>
      {error && <Failure error={error} retry={reload} />}
      {rows && !rows.length ? <Empty icon="click" title={t("team.channels.none")} /> : <Table caption={t("team.channels")} columns={columns} rows={rows} rowKey={(row) => String(row[group])} stale={stale} />}
    </Section>
  );
}

function Funnel({ query }) {
  const { data, error, reload } = useData("/v1/dashboard", { ...query, part: "funnel" }, { every: SLOW_MS });
  const of = data?.data;
  const steps = [
    ["clicks", of?.clicks], ...(of?.leads ? [["leads", of.leads, of.click_to_lead_ppm]] : []),
    ["orders", of?.orders, of?.click_to_order_ppm], ["orders_paid", of?.orders_paid, of?.order_to_paid_ppm],
  ];
  return (
    <Section title={t("team.funnel")} lead={t("team.funnel.lead")} actions={<Csv path="/v1/dashboard/funnel" query={query} />}>
      {error && <Failure error={error} retry={reload} />}
      {of && (
        <ol class="funnel">
          {steps.map(([key, count, ppm]) => (
            <li key={key}>
              <span>{t(`team.funnel.${key}`)}</span>
              <progress max={Math.max(of.clicks, of.orders, 1)} value={count} aria-label={t(`team.funnel.${key}`)} />
              <span class="number">{countText(count)}{ppm !== undefined && ppm !== null && <small class="muted"> {percentText(ppm)}</small>}</span>
            </li>
          ))}
        </ol>
      )}
      {of && <p class="section-lead">{t("team.funnel.rest", { pending: countText(of.orders_pending), declined: countText(of.orders_declined), refunded: countText(of.orders_refunded) })}</p>}
    </Section>
  );
}

function Times({ query }) {
  const { data, error, reload } = useData("/v1/dashboard", { ...query, part: "times" }, { every: SLOW_MS });
  const items = ["approval", "hold"].map((what) => ({
    key: what, title: t(`team.times.${what}`), value: data && durationText(data.data[what].median_seconds),
    note: data && t("team.times.p90", { time: durationText(data.data[what].p90_seconds), n: data.data[what].count }),
  }));
  return (
    <Section title={t("team.times")} lead={t("team.times.lead")} actions={<Csv path="/v1/dashboard/times" query={query} />}>
      {error ? <Failure error={error} retry={reload} /> : <Figures label={t("team.times")} items={items} />}
    </Section>
  );
}

function figuresOf(total, currency) {
  const money = (member) => total && <Money minor={total[member]} currency={currency} />;
  return [
    { key: "revenue_minor", value: money("revenue_minor"), note: total?.revenue_of_nobody_minor > 0 && t("team.revenue.nobody", { sum: moneyText(total.revenue_of_nobody_minor, currency) }) },
    { key: "commission_minor", value: money("commission_minor"), note: total?.cost_minor > 0 && t("team.cost", { sum: moneyText(total.cost_minor, currency) }) },
    { key: "earned_minor", value: money("earned_minor"), note: total && <Change now={total.earned_minor} before={total.earned_before_minor} /> },
    { key: "clicks", value: total && countText(total.clicks) },
    { key: "conversions", value: total && countText(total.conversions), note: total && t("team.cr", { rate: percentText(total.cr_ppm) }) },
  ];
}

const NOTHING = { revenue_minor: 0, commission_minor: 0, earned_minor: 0, clicks: 0, conversions: 0, cr_ppm: null, roi_ppm: null };

export function Dashboard() {
  const { line: asked, currency: wanted, ...filters } = useFilters("program_id", "partner_id", "partner_group", "line", "currency");
  const period = usePeriod();
  const tz = useStore(zone);
  useStore(programs);
  const query = { ...filters, from: period.from, to: period.to, tz };
  const { data, error, reload } = useData("/v1/dashboard", query, { every: FRESH_MS });
  const line = LINES.includes(asked) ? asked : LINES[0];
  const totals = data?.data.totals ?? [];
  const known = totals.find((sum) => sum.currency === wanted) ?? totals[0];
  const currency = known?.currency ?? programs.get()[0]?.currency ?? "EUR";
  const total = data && (known ?? NOTHING);
  const items = figuresOf(total, currency).map((item) => ({
    ...item, title: t(`team.line.${item.key}`), selected: item.key === line, onSelect: () => setQuery({ line: item.key === LINES[0] ? null : item.key }) }));
  return (
    <Page title={t("team.nav.dashboard")} actions={<><Csv path="/v1/dashboard/days" query={query} /><PeriodChoice /></>}>
      <div class="filters">
        <ProgramFilter /><PartnerFilter /><GroupFilter />
        {totals.length > 1 && <Segments label={t("team.currency")} options={totals.map((sum) => [sum.currency, sum.currency])} value={currency} onChange={(one) => setQuery({ currency: one })} />}
      </div>
      {error && <Failure error={error} retry={reload} />}
      {!(error && !data) && (
        <>
          <Figures label={t("team.figures")} items={[...items, { key: "roi", title: t("team.roi"), value: total && percentText(total.roi_ppm, 0), note: t("team.roi.note") }]} />
          <Days data={data?.data} period={period} line={line} currency={currency} />
          <Ranks data={data?.data} query={query} currency={currency} />
        </>
      )}
      <Channels query={query} currency={currency} />
      <Funnel query={query} />
      <Times query={query} />
    </Page>
  );
}
