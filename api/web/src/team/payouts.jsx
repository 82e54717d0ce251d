// What partners ask for: paid with the bank's reference, or refused with a reason; and money by hand.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { FRESH_MS, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { moneyText } from "../lib/money.js";
import { Button, TextField } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Money, Status, Time } from "../ui/value.jsx";
import { needed, Wish } from "../ui/wish.jsx";
import { PartnerField, PartnerFilter, PartnerName, ProgramFilter, ProgramName, StatusFilter, useFilters } from "./choice.jsx";
import { partnerOf } from "./names.js";
import { AdjustWish } from "./partner.jsx";
import { may } from "./rights.js";
import { ReasonWish } from "./reason.jsx";

const STATES = ["requested", "paid", "cancelled", "refused"];

export function Payouts() {
  const filters = useFilters("status", "program_id", "partner_id");
  const status = filters.status ?? "requested";
  const query = { ...filters, status: status === "all" ? "" : status };
  const list = useList("/v1/payouts", query, { every: FRESH_MS });
  const [wish, setWish] = useState(null);
  const close = () => setWish(null);
  const titleOf = (row) => ({ sum: moneyText(row.amount_minor, row.currency), partner: partnerOf(row.partner_id)?.name ?? `#${row.partner_id}` });
  const columns = [
    { key: "partner", title: t("team.partner"), kind: "main", cell: (row) => <><PartnerName id={row.partner_id} /><small><ProgramName id={row.program_id} /></small></> },
    { key: "amount", title: t("team.amount"), kind: "number", cell: (row) => <Money minor={row.amount_minor} currency={row.currency} /> },
    { key: "asked", title: t("team.payouts.asked"), cell: (row) => <Time at={row.requested_at ?? row.created_at} /> },
    { key: "status", title: t("team.status"), cell: (row) => <><Status of={row.status} room="payout_status" />{(row.reference ?? row.reason) && <small>{row.reference ?? row.reason}</small>}</> },
    { key: "do", title: "", kind: "actions", cell: (row) => row.status === "requested" && may("pay") && (
      <span class="row tight">
        <Button kind="primary" onClick={() => setWish({ is: "paid", row })}>{t("team.payouts.pay")}</Button>
        <Button kind="danger" onClick={() => setWish({ is: "refuse", row })}>{t("team.payouts.refuse")}</Button>
      </span>) },
  ];
  return (
    <Page title={t("team.nav.payouts")} lead={t("team.payouts.lead")}
      actions={<><Csv path="/v1/payouts" query={query} />{may("pay") && <Button icon="balance" onClick={() => setWish({ is: "adjust" })}>{t("team.adjust")}</Button>}</>}>
      <div class="filters">
        <StatusFilter standard="requested" options={[...STATES.map((one) => [one, t(`payout_status.${one}`)]), ["all", t("team.status.all")]]} />
        <ProgramFilter /><PartnerFilter />
      </div>
      <ListTable list={list} caption={t("team.nav.payouts")} columns={columns}
        empty={<Empty icon="check" title={t("team.payouts.none")}>{t("team.payouts.none.text")}</Empty>} />
      {wish?.is === "paid" && (
        <Wish title={t("team.payouts.pay.title", titleOf(wish.row))} lead={t("team.payouts.pay.lead")} does={t("team.payouts.pay")} done={t("team.payouts.paid")}
          initial={{ reference: "" }} check={needed("reference")} onClose={close} onDone={list.reload}
          send={({ reference }, key) => post(`/v1/payouts/${wish.row.id}/paid`, { reference: reference.trim() }, key)}>
          <TextField name="reference" label={t("team.payouts.reference")} hint={t("team.payouts.reference.hint")} maxLength={200} />
        </Wish>
      )}
      {wish?.is === "refuse" && (
        <ReasonWish title={t("team.payouts.refuse.title", titleOf(wish.row))} does={t("team.payouts.refuse")} done={t("team.payouts.refused")} onClose={close} onDone={list.reload}
          send={(reason, key) => post(`/v1/payouts/${wish.row.id}/refuse`, { reason }, key)} />
      )}
      {wish?.is === "adjust" && <AdjustWish onClose={close}><PartnerField /></AdjustWish>}
    </Page>
  );
}
