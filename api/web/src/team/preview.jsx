// What last month would have cost by terms that are not saved yet. The API computes it on the side; this waits for it.
import { useEffect, useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { useData } from "../lib/data.js";
import { t, word } from "../lib/i18n.js";
import { countText } from "../lib/money.js";
import { monthText } from "../lib/time.js";
import { Notice } from "../ui/field.jsx";
import { Figures } from "../ui/figures.jsx";
import { Csv, Failure, Table } from "../ui/table.jsx";
import { Change, Money } from "../ui/value.jsx";
import { PartnerName } from "./choice.jsx";

const ASK_MS = 1000;
const DAY_MS = 86_400_000;

/** The month that begins at an instant: a day later it is that month in every zone. */
const monthOf = (from) => monthText(new Date(Date.parse(from) + DAY_MS).toISOString().slice(0, 7));

function Result({ of, month, id }) {
  const money = (minor) => <Money minor={minor} currency={of.currency} />;
  const items = [
    { key: "now", title: t("team.preview.now"), value: money(of.now_minor) },
    { key: "then", title: t("team.preview.then"), value: money(of.then_minor), note: <Change now={of.then_minor} before={of.now_minor} worse /> },
    { key: "difference", title: t("team.preview.difference"), value: <Money minor={of.difference_minor} currency={of.currency} signed /> },
    { key: "orders", title: t("team.conversions.count"), value: countText(of.orders) },
  ];
  const columns = [
    { key: "partner", title: t("team.partner"), kind: "main", cell: (row) => <PartnerName id={row.partner_id} /> },
    { key: "now", title: t("team.preview.now"), kind: "number", cell: (row) => money(row.now_minor) },
    { key: "then", title: t("team.preview.then"), kind: "number", cell: (row) => money(row.then_minor) },
    { key: "difference", title: t("team.preview.difference"), kind: "number", cell: (row) => <Money minor={row.difference_minor} currency={of.currency} signed /> },
  ];
  return (
    <>
      <h3>{t("team.preview.title", { month })}</h3>
      <Figures label={t("team.preview.title", { month })} items={items} />
      {of.partners.length > 0 && (
        <>
          <Table caption={t("team.preview.partners")} columns={columns} rows={of.partners} rowKey={(row) => row.partner_id} />
          <div><Csv path={`/v1/terms-previews/${id}/partners`} /></div>
        </>
      )}
    </>
  );
}

export function Preview({ program, draft, stale }) {
  const [asked, setAsked] = useState(null);
  const [refused, setRefused] = useState(null);
  const [ended, setEnded] = useState(false);
  useEffect(() => {
    post(`/v1/programs/${program.id}/terms/preview`, draft).then(setAsked, setRefused);
  }, []);
  const { data, error, reload } = useData(asked && `/v1/terms-previews/${asked.id}`, {}, { every: ended ? 0 : ASK_MS });
  useEffect(() => {
    setEnded(!!data && data.status !== "open");
  }, [data]);
  if (refused || error) return <Failure error={refused ?? error} retry={error && reload} />;
  if (!ended) return <p class="muted" role="status" aria-busy="true">{t("team.preview.running")}</p>;
  if (!data.result) return <Notice kind="bad" role="alert">{word("team.preview.fault", data.fault)}</Notice>;
  return (
    <div class={`stack ${stale ? "stale" : ""}`} role="status">
      <Result of={data.result} month={monthOf(data.from)} id={data.id} />
      {stale && <Notice kind="waiting">{t("team.preview.stale")}</Notice>}
    </div>
  );
}
