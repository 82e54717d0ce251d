// The queue of orders: many are chosen and decided at once; why each earns what it earns is one press away.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { FRESH_MS, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { useReasons } from "../lib/reasons.js";
import { Dialog, toast } from "../ui/dialog.jsx";
import { Button, errorText, Form, SelectField, Submit, TextField, useForm } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Money, Status, Time } from "../ui/value.jsx";
import { PartnerFilter, PartnerName, ProgramFilter, ProgramName, StatusFilter, TextFilter, useFilters } from "./choice.jsx";
import { Explain } from "./explain.jsx";
import { may } from "./rights.js";

const STATES = ["pending", "approved", "declined", "refunded"];
const DECIDE_MAX = 500;

/** Whether a decision still means something. */
const open = ({ status }) => status === "pending" || status === "approved";

async function decide(ids, action, reason, note, key) {
  const { data } = await post("/v1/conversions/decide", { ids, action, ...(reason && { reason }), ...(note && { note }) }, key);
  toast(t(`team.conversions.${action}d`, { n: data.filter(({ verdict }) => verdict === "decided").length }));
}

function DeclineDialog({ ids, reasons, onDone, onClose }) {
  const form = useForm({ reason: "", note: "" }, async ({ reason, note }, key) => {
    await decide(ids, "decline", reason, note.trim(), key);
    onDone();
  }, ({ reason }) => (reason ? {} : { reason: t("team.reason.needed") }));
  const options = [["", t("team.reason.choose")], ...reasons.list];
  return (
    <Dialog title={t("team.conversions.decline.title", { n: ids.length })} onClose={onClose}>
      <Form form={form} label={t("team.conversions.decline.title", { n: ids.length })}>
        <SelectField name="reason" label={t("team.reason")} hint={t("team.reason.seen")} options={options} />
        <TextField name="note" label={t("team.note")} hint={t("team.note.hint")} optional lines={2} maxLength={500} />
        <div class="form-foot"><Submit kind="danger">{t("team.decline")}</Submit><Button onClick={onClose}>{t("dialog.cancel")}</Button></div>
      </Form>
    </Dialog>
  );
}

function Facts({ of }) {
  const names = [...new Set(of.map(({ fact }) => fact))];
  return names.length > 0 && <span class="tags">{names.map((fact) => <span key={fact} class="tag">{t(`fact.${fact}`)}</span>)}</span>;
}

function Chosen({ ids, onApprove, onDecline, onNone }) {
  return (
    <div class="chosen-bar" role="region" aria-label={t("team.chosen.label")}>
      <b>{t("team.chosen", { n: ids.length })}</b>
      <Button kind="primary" icon="check" onClick={onApprove}>{t("team.approve")}</Button>
      <Button kind="danger" icon="close" onClick={onDecline}>{t("team.decline")}</Button>
      <Button kind="quiet" onClick={onNone}>{t("team.chosen.none")}</Button>
    </div>
  );
}

export function Conversions() {
  const filters = useFilters("status", "program_id", "partner_id", "order_id");
  const status = filters.status ?? (filters.order_id ? "" : "pending");
  const query = { ...filters, status: status === "all" ? "" : status };
  const list = useList("/v1/conversions", query, { every: FRESH_MS });
  const reasons = useReasons();
  const [chosen, setChosen] = useState([]);
  const [declining, setDeclining] = useState(false);
  const [explained, setExplained] = useState(null);
  const decides = may("manage");
  const rows = list.rows?.filter(open) ?? [];
  const ids = chosen.filter((id) => rows.some((row) => row.id === id));
  const pick = (id, on) => setChosen(on ? [...chosen, id] : chosen.filter((other) => other !== id));
  const done = () => {
    setChosen([]);
    setDeclining(false);
    list.reload();
  };
  const approve = () => decide(ids, "approve").then(done, (error) => toast(errorText(error), "bad"));

  const columns = [
    { key: "order", title: t("team.order"), kind: "main", cell: (row) => (
      <>
        {decides && open(row)
          ? <label class="pick"><input type="checkbox" checked={ids.includes(row.id)} onChange={(event) => pick(row.id, event.currentTarget.checked)} /><span>{row.order_id}</span></label>
          : row.order_id}
        <small><ProgramName id={row.program_id} /></small>
      </>) },
    { key: "at", title: t("team.at"), cell: (row) => <Time at={row.occurred_at} /> },
    { key: "partner", title: t("team.partner"), cell: (row) => (
      row.credits.length ? <span class="lines">{[...new Set(row.credits.map(({ partner_id }) => partner_id))].map((id) => <PartnerName key={id} id={id} />)}</span> : t("team.nobody")) },
    { key: "amount", title: t("team.amount"), kind: "number", cell: (row) => <Money minor={row.amount_minor - row.refunded_minor} currency={row.currency} /> },
    { key: "commission", title: t("team.commission"), kind: "number", cell: (row) => <Money minor={row.commission_minor} currency={row.currency} /> },
    { key: "status", title: t("team.status"), cell: (row) => <><Status of={row.status} />{row.reason && <small>{reasons.text(row.reason)}</small>}<Facts of={row.facts} /></> },
    { key: "explain", title: "", kind: "actions", cell: (row) => <Button kind="quiet" onClick={() => setExplained(row)}>{t("team.explain")}</Button> },
  ];
  const all = rows.slice(0, DECIDE_MAX).map(({ id }) => id);
  return (
    <Page title={t("team.nav.conversions")} lead={t("team.conversions.lead")} actions={<Csv path="/v1/conversions" query={query} />}>
      <div class="filters">
        <StatusFilter standard="pending" options={[...STATES.map((one) => [one, t(`status.${one}`)]), ["all", t("team.status.all")]]} />
        <ProgramFilter /><PartnerFilter /><TextFilter name="order_id" label={t("team.order")} />
        {decides && rows.length > 0 && <Button kind="quiet" onClick={() => setChosen(all)}>{t("team.chosen.all", { n: all.length })}</Button>}
      </div>
      {ids.length > 0 && <Chosen ids={ids} onApprove={approve} onDecline={() => setDeclining(true)} onNone={() => setChosen([])} />}
      <ListTable list={list} caption={t("team.nav.conversions")} columns={columns} rowClass={(row) => (ids.includes(row.id) ? "picked" : "")}
        empty={<Empty icon="check" title={t("team.conversions.none")}>{t("team.conversions.none.text")}</Empty>} />
      {declining && <DeclineDialog ids={ids} reasons={reasons} onDone={done} onClose={() => setDeclining(false)} />}
      {explained && <Explain conversion={explained} reason={reasons.text} onClose={() => setExplained(null)} />}
    </Page>
  );
}
