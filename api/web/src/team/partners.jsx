// Partners, and those of them who bring nobody any more.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { FRESH_MS, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { navigate, setQuery } from "../lib/router.js";
import { dayPlus, today } from "../lib/time.js";
import { Button, Select, TextField } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { filled, needed, Wish } from "../ui/wish.jsx";
import { StatusFilter, useFilters } from "./choice.jsx";
import { GroupFilter } from "./groups.jsx";
import { loadPartners } from "./names.js";
import { may } from "./rights.js";

const STATES = ["pending", "active", "paused", "declined"];
const IDLE_DAYS = ["30", "60", "90", "180"];

export function Partners() {
  const { status, idle, ...group } = useFilters("status", "idle", "partner_group", "program_id");
  const days = IDLE_DAYS.includes(idle) ? idle : null;
  const query = { status, inactive_since: days && dayPlus(today(), -days), ...(group.partner_group && group) };
  const list = useList("/v1/partners", query, { every: FRESH_MS });
  const [adding, setAdding] = useState(false);
  const columns = [
    { key: "name", title: t("team.partner"), kind: "main", cell: (row) => <><a href={`/team/partners/${row.id}`}>{row.name}</a><small>{row.email}</small></> },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.status} room="team.status_m" /> },
    { key: "last", title: t("team.partners.last"), cell: (row) => (row.last_click_at ? <Time at={row.last_click_at} date /> : t("team.never")) },
    { key: "order", title: t("team.partners.last_order"), cell: (row) => (row.last_order_at ? <Time at={row.last_order_at} date /> : t("team.never")) },
    { key: "since", title: t("team.since"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "id", title: t("team.number"), kind: "number", cell: (row) => row.id },
  ];
  return (
    <Page title={t("team.nav.partners")} lead={t("team.partners.lead")}
      actions={<><a class="button quiet" href="/team/groups">{t("team.nav.groups")}</a><Csv path="/v1/partners" query={query} />{may("manage") && <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>{t("team.partners.add")}</Button>}</>}>
      <div class="filters">
        <StatusFilter options={[["", t("team.status.all")], ...STATES.map((one) => [one, t(`team.status_m.${one}`)])]} />
        <Select aria-label={t("team.partners.activity")} value={days ?? ""} onChange={(value) => setQuery({ idle: value || null })}
          options={[["", t("team.partners.activity.any")], ...IDLE_DAYS.map((n) => [n, t("team.partners.idle", { n })])]} />
        <GroupFilter />
      </div>
      <ListTable list={list} caption={t("team.nav.partners")} columns={columns}
        empty={group.partner_group || status || days
          ? <Empty icon="check" title={t(group.partner_group || status ? "team.partners.none.fit" : "team.partners.none.idle")} />
          : <Empty icon="people" title={t("team.partners.none")} action={<a class="button" href="/team/programs">{t("team.applications.none.do")}</a>}>{t("team.partners.none.text")}</Empty>} />
      {adding && (
        <Wish title={t("team.partners.add")} lead={t("team.partners.add.lead")} does={t("team.partners.add")} initial={{ name: "", email: "" }} check={needed("name")}
          send={(values, key) => post("/v1/partners", filled(values), key)} onClose={() => setAdding(false)}
          onDone={(made) => { loadPartners().catch(() => null); navigate(`/team/partners/${made.id}`); }}>
          <TextField name="name" label={t("team.name")} maxLength={200} />
          <TextField name="email" label={t("field.email")} type="email" optional />
        </Wish>
      )}
    </Page>
  );
}
