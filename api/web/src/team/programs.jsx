// Programmes: what is sold, in which money, where its visitors go.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { navigate } from "../lib/router.js";
import { zone, zones } from "../lib/time.js";
import { Button, SelectField, TextField } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { filled, needed, Wish } from "../ui/wish.jsx";
import { loadPrograms } from "./names.js";
import { may } from "./rights.js";

function ProgramWish({ onClose }) {
  return (
    <Wish title={t("team.programs.add")} does={t("team.programs.add")} onClose={onClose} check={needed("code", "name", "currency")}
      initial={{ code: "", name: "", currency: "RUB", time_zone: zone.get(), fallback_url: "" }}
      send={(values, key) => post("/v1/programs", filled({ ...values, currency: values.currency.toUpperCase() }), key)}
      onDone={async ({ id }) => { await loadPrograms().catch(() => null); navigate(`/team/programs/${id}`); }}>
      <TextField name="name" label={t("team.name")} maxLength={200} />
      <div class="form-row">
        <TextField name="code" label={t("team.programs.code")} hint={t("team.programs.code.hint")} maxLength={63} spellcheck={false} />
        <TextField name="currency" label={t("team.currency")} hint={t("team.programs.currency.hint")} maxLength={3} />
      </div>
      <SelectField name="time_zone" label={t("team.zone")} hint={t("team.programs.zone.hint")} options={zones().map((name) => [name, name])} />
      <TextField name="fallback_url" label={t("team.programs.fallback")} hint={t("team.programs.fallback.hint")} type="url" placeholder="https://" optional />
    </Wish>
  );
}

export function Programs() {
  const list = useList("/v1/programs");
  const [adding, setAdding] = useState(false);
  const columns = [
    { key: "name", title: t("team.program"), kind: "main", cell: (row) => <><a href={`/team/programs/${row.id}`}>{row.name}</a><small>{row.code}</small></> },
    { key: "currency", title: t("team.currency"), cell: (row) => row.currency },
    { key: "zone", title: t("team.zone"), cell: (row) => row.time_zone },
    { key: "since", title: t("team.since"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.status} /> },
    { key: "terms", title: "", kind: "actions", cell: (row) => <a class="button quiet" href={`/team/programs/${row.id}/terms`}>{t("team.terms")}</a> },
  ];
  const add = may("manage") && <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>{t("team.programs.add")}</Button>;
  return (
    <Page title={t("team.nav.programs")} lead={t("team.programs.lead")} actions={add}>
      <ListTable list={list} caption={t("team.nav.programs")} columns={columns} empty={<Empty icon="program" title={t("team.programs.none")} action={add}>{t("team.programs.none.text")}</Empty>} />
      {adding && <ProgramWish onClose={() => setAdding(false)} />}
    </Page>
  );
}
