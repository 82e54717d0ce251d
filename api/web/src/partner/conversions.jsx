import { useState } from "preact/hooks";
import { useList, FRESH_MS } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { useReasons } from "../lib/reasons.js";
import { place, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { Button, Segments } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Money, Status, Time } from "../ui/value.jsx";
import { linkName, ProgramFilter, useLinks, usePrograms } from "./programs.jsx";

const STATUSES = ["pending", "approved", "declined", "refunded"];

function OrderSearch({ order }) {
  const [typed, setTyped] = useState(order ?? "");
  return (
    <form class="row" role="search" onSubmit={(event) => { event.preventDefault(); setQuery({ order: typed.trim() || null }); }}>
      <input type="search" aria-label={t("conversions.order")} placeholder={t("conversions.order")} value={typed} onInput={(event) => {
        setTyped(event.currentTarget.value);
        if (!event.currentTarget.value) setQuery({ order: null });
      }} />
      <Button type="submit">{t("conversions.find")}</Button>
    </form>
  );
}

function commissionNote(conversion) {
  const own = conversion.commissions?.[0];
  if (!own) return null;
  if (own.status === "pending" && own.hold_until) return <small>{t("conversions.until")} <Time at={own.hold_until} date /></small>;
  return <small>{t(`commission.${own.status}`)}</small>;
}

function source(conversion, links) {
  const credit = conversion.credits?.[0];
  if (!credit) return "–";
  const link = links.get(credit.link_id);
  return <>{t(`touch.${credit.touch_kind}`)}{link && <small>{linkName(link)}</small>}</>;
}

export function Conversions() {
  const { query } = useStore(place);
  const programs = usePrograms();
  const links = useLinks();
  const reasons = useReasons();
  const wanted = { status: query.status, order_id: query.order, program_id: query.program };
  const list = useList("/v1/conversions", wanted, { every: FRESH_MS });
  const columns = [
    { key: "order", title: t("conversions.number"), kind: "main", cell: (row) => <><a href={`/cabinet/conversions/${row.id}`}>{row.order_id ?? t("conversions.unnamed", { id: row.id })}</a><small>{programs.name(row.program_id)}</small></> },
    { key: "at", title: t("conversions.at"), cell: (row) => <Time at={row.occurred_at} /> },
    { key: "status", title: t("field.status"), cell: (row) => <><Status of={row.status} />{row.reason && <small>{reasons.text(row.reason)}</small>}</> },
    { key: "source", title: t("conversions.source"), cell: (row) => source(row, links) },
    { key: "amount", title: t("conversions.amount"), kind: "number", cell: (row) => <><Money minor={row.amount_minor} currency={row.currency} />{row.refunded_minor > 0 && <small>{t("conversions.refunded")} <Money minor={row.refunded_minor} currency={row.currency} /></small>}</> },
    { key: "commission", title: t("metric.commission"), kind: "number", cell: (row) => <><Money minor={row.commission_minor} currency={row.currency} />{commissionNote(row)}</> },
    { key: "why", title: "", kind: "actions", cell: (row) => <a class="button quiet" href={`/cabinet/conversions/${row.id}`}>{t("conversions.why")}</a> },
  ];
  const filtered = query.status || query.order || query.program;
  return (
    <Page title={t("conversions.title")} lead={t("conversions.lead")}>
      <div class="filters">
        <Segments label={t("field.status")} value={query.status ?? ""} onChange={(status) => setQuery({ status })}
          options={[["", t("filter.all")], ...STATUSES.map((status) => [status, t(`status.${status}`)])]} />
        <ProgramFilter programs={programs} />
        <OrderSearch order={query.order} />
        <Csv path="/v1/conversions" query={wanted} />
      </div>
      <ListTable list={list} caption={t("conversions.title")} columns={columns} empty={filtered
        ? <Empty icon="order" title={t("conversions.none_such")} action={<a class="button" href="/cabinet/conversions">{t("filter.clear")}</a>} />
        : <Empty icon="order" title={t("conversions.empty")} action={<a class="button primary" href="/cabinet/links">{t("conversions.empty_do")}</a>}>{t("conversions.empty_text")}</Empty>} />
    </Page>
  );
}
