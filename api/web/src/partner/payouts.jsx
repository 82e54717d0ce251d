// Payouts: what can be asked for in each programme, what is missing, and what became of earlier requests.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { useData, useList, FRESH_MS } from "../lib/data.js";
import { t, tx } from "../lib/i18n.js";
import { confirmed, toast } from "../ui/dialog.jsx";
import { Button, errorText, Notice, TextField } from "../ui/field.jsx";
import { moneyText } from "../lib/money.js";
import { Page, Section } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Money, Status, Time } from "../ui/value.jsx";
import { needed, Wish } from "../ui/wish.jsx";
import { usePrograms } from "./programs.jsx";

function progressOf(available, least) {
  return <progress class="threshold" max={least} value={Math.max(0, Math.min(available, least))} aria-label={t("payout.progress")} />;
}

function Request({ program, onDone }) {
  const balance = useData("/v1/balance", { program_id: program.id }, { every: FRESH_MS });
  const [busy, setBusy] = useState(false);
  const [key, setKey] = useState(() => crypto.randomUUID());
  const [refused, setRefused] = useState(null);
  const sum = balance.data?.data.find((one) => one.currency === program.currency);
  const available = sum?.available_minor ?? 0;
  const least = program.payout_min_minor ?? 1;
  const missing = Math.max(0, least - available);

  async function request() {
    const yes = await confirmed({ title: t("payout.confirm"), text: t("payout.confirm_text", { amount: moneyText(available, program.currency), program: program.name }), yes: t("payout.do") });
    if (!yes) return;
    setBusy(true);
    setRefused(null);
    try {
      await post("/v1/payouts", { program_id: program.id }, key);
      setKey(crypto.randomUUID());
      toast(t("payout.asked"));
      balance.reload();
      onDone();
    } catch (error) {
      setRefused(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <li class="payout-request">
      <div class="payout-sum">
        <h3>{program.name}</h3>
        <p class="figure-value">{balance.data ? <Money minor={available} currency={program.currency} /> : <span class="skeleton" />}</p>
        <p class="muted">{t("balance.available_note")}</p>
      </div>
      {balance.data && (missing > 0
        ? (
          <div class="payout-missing">
            {progressOf(available, least)}
            <p>{least > 1
              ? tx("payout.missing", { missing: <Money minor={missing} currency={program.currency} />, least: <Money minor={least} currency={program.currency} /> })
              : t("payout.nothing")}</p>
            {sum?.pending_minor > 0 && <p class="muted">{tx("payout.pending", { pending: <Money minor={sum.pending_minor} currency={program.currency} /> })}</p>}
          </div>
        )
        : <Button kind="primary" icon="payout" busy={busy} onClick={request}>{t("payout.do")}</Button>)}
      {refused && <Notice kind="bad" role="alert">{errorText(refused)}</Notice>}
    </li>
  );
}

function Cancel({ payout, onClose, onDone }) {
  return (
    <Wish title={t("payout.cancel_title", { id: payout.id })} lead={t("payout.cancel_text")} does={t("payout.cancel")} done={t("payout.cancelled")} danger
      initial={{ reason: "" }} check={needed("reason")} onClose={onClose} onDone={onDone}
      send={({ reason }, key) => post(`/v1/payouts/${payout.id}/cancel`, { reason: reason.trim() }, key)}>
      <TextField name="reason" label={t("field.reason")} maxLength={500} autofocus />
    </Wish>
  );
}

export function Payouts() {
  const programs = usePrograms();
  const [cancelling, setCancelling] = useState(null);
  const list = useList("/v1/payouts", {}, { every: FRESH_MS });
  const columns = [
    { key: "id", title: t("payout.number"), kind: "main", cell: (row) => <>№ {row.id}<small>{programs.name(row.program_id)}</small></> },
    { key: "at", title: t("payout.at"), cell: (row) => <Time at={row.requested_at} /> },
    { key: "status", title: t("field.status"), cell: (row) => <><Status of={row.status} room="payout_status" />{row.reason && <small>{row.reason}</small>}{row.reference && <small>{t("payout.reference", { reference: row.reference })}</small>}</> },
    { key: "decided", title: t("payout.decided"), cell: (row) => <Time at={row.decided_at} /> },
    { key: "amount", title: t("statement.amount"), kind: "number", cell: (row) => <Money minor={row.amount_minor} currency={row.currency} /> },
    { key: "cancel", title: "", kind: "actions", cell: (row) => row.status === "requested" && <Button kind="quiet" onClick={() => setCancelling(row)}>{t("payout.cancel")}</Button> },
  ];
  return (
    <Page title={t("payouts.title")} lead={t("payouts.lead")}>
      {programs.list?.length > 0 && <ul class="payout-requests">{programs.list.map((program) => <Request key={program.id} program={program} onDone={list.reload} />)}</ul>}
      <Section title={t("payouts.list")} actions={<Csv path="/v1/payouts" />}>
        <ListTable list={list} caption={t("payouts.list")} columns={columns} empty={<Empty icon="payout" title={t("payouts.empty")}>{t("payouts.empty_text")}</Empty>} />
      </Section>
      {cancelling && <Cancel payout={cancelling} onClose={() => setCancelling(null)} onDone={list.reload} />}
    </Page>
  );
}
