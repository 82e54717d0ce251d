// Links of all partners.
import { useState } from "preact/hooks";
import { patch, post } from "../lib/api.js";
import { FRESH_MS, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { toast } from "../ui/dialog.jsx";
import { Button, errorText, TextField } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { filled, needed, Wish } from "../ui/wish.jsx";
import { likelyProgram, PartnerField, PartnerFilter, PartnerName, ProgramField, ProgramFilter, ProgramName, StatusFilter, useFilters } from "./choice.jsx";
import { may } from "./rights.js";

/** Instants of a datetime-local field, which is in the browser's own zone. */
const instant = (text) => text && new Date(text).toISOString();

function LinkWish({ onClose, onDone }) {
  return (
    <Wish title={t("team.links.add")} does={t("team.links.add")} done={t("team.links.made")} onClose={onClose} onDone={onDone}
      initial={{ program_id: likelyProgram(), partner_id: "", target_url: "", slug: "", name: "", expires_at: "", click_cap: "" }}
      check={needed("program_id", "partner_id", "target_url")}
      send={(values, key) => post("/v1/links", filled({
        ...values, program_id: Number(values.program_id), partner_id: Number(values.partner_id), expires_at: instant(values.expires_at), click_cap: values.click_cap && Number(values.click_cap) }), key)}>
      <div class="form-row"><ProgramField /><PartnerField /></div>
      <TextField name="target_url" label={t("team.target")} hint={t("team.target.hint")} type="url" placeholder="https://" />
      <div class="form-row">
        <TextField name="slug" label={t("team.slug")} hint={t("team.slug.hint")} optional maxLength={64} />
        <TextField name="name" label={t("team.name")} optional maxLength={200} />
      </div>
      <div class="form-row">
        <TextField name="expires_at" label={t("team.links.until")} type="datetime-local" optional />
        <TextField name="click_cap" label={t("team.links.cap")} type="number" min={1} optional />
      </div>
    </Wish>
  );
}

export function Links() {
  const filters = useFilters("status", "program_id", "partner_id");
  const list = useList("/v1/links", filters, { every: FRESH_MS });
  const [adding, setAdding] = useState(false);
  const turn = (row) => patch(`/v1/links/${row.id}`, { status: row.status === "active" ? "paused" : "active" })
    .then(() => { toast(t("team.saved")); list.reload(); }, (error) => toast(errorText(error), "bad"));
  const columns = [
    { key: "path", title: t("team.link"), kind: "main", cell: (row) => <><code>{row.path}</code>{row.name && <small>{row.name}</small>}</> },
    { key: "partner", title: t("team.partner"), cell: (row) => <PartnerName id={row.partner_id} /> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "target", title: t("team.target"), cell: (row) => <span class="clip" title={row.target_url}>{row.target_url}</span> },
    { key: "since", title: t("team.since"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "status", title: t("team.status"), cell: (row) => <><Status of={row.status} />{row.exhausted_at && <small>{t("team.links.used_up")}</small>}</> },
    { key: "do", title: "", kind: "actions", cell: (row) => may("manage") && <Button kind="quiet" onClick={() => turn(row)}>{t(row.status === "active" ? "team.pause" : "team.resume")}</Button> },
  ];
  return (
    <Page title={t("team.nav.links")} lead={t("team.links.lead")}
      actions={<><Csv path="/v1/links" query={filters} />{may("manage") && <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>{t("team.links.add")}</Button>}</>}>
      <div class="filters">
        <StatusFilter options={[["", t("team.status.all")], ["active", t("status.active")], ["paused", t("status.paused")]]} /><ProgramFilter /><PartnerFilter />
      </div>
      <ListTable list={list} caption={t("team.nav.links")} columns={columns} rowClass={(row) => (row.status === "paused" ? "off" : "")}
        empty={<Empty icon="link" title={t("team.links.none")}>{t("team.links.none.text")}</Empty>} />
      {adding && <LinkWish onClose={() => setAdding(false)} onDone={list.reload} />}
    </Page>
  );
}
