// Who wants to join: what they say of themselves, which version of the terms they accepted; approve, or decline with a reason.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { FRESH_MS, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { toast } from "../ui/dialog.jsx";
import { Button, errorText } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { ProgramFilter, ProgramName, StatusFilter, useFilters } from "./choice.jsx";
import { loadPartners } from "./names.js";
import { may } from "./rights.js";
import { ReasonWish } from "./reason.jsx";

const STATES = ["pending", "approved", "declined"];
const web = (site) => /^https?:\/\//i.test(site ?? "");

export function Applications() {
  const filters = useFilters("status", "program_id");
  const query = { ...filters, status: filters.status ?? "pending" };
  const list = useList("/v1/applications", query, { every: FRESH_MS });
  const [declined, setDeclined] = useState(null);
  const reload = () => {
    list.reload();
    loadPartners().catch(() => null);
  };
  const approve = ({ id }) => post(`/v1/applications/${id}/approve`, {}).then(() => {
    toast(t("team.applications.approved"));
    reload();
  }, (error) => toast(errorText(error), "bad"));
  const columns = [
    { key: "partner", title: t("team.partner"), kind: "main", cell: (row) => <><a href={`/team/partners/${row.partner_id}`}>{row.partner.name}</a><small>{row.partner.email}</small></> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "site", title: t("team.site"), cell: (row) => (web(row.site) ? <a href={row.site} target="_blank" rel="noopener noreferrer">{row.site}</a> : row.site) },
    { key: "message", title: t("team.message"), cell: (row) => row.message },
    { key: "terms", title: t("team.terms"), cell: (row) => t("team.terms.version", { n: row.terms_version }) },
    { key: "at", title: t("team.at"), cell: (row) => <Time at={row.created_at} /> },
    { key: "status", title: t("team.status"), cell: (row) => <><Status of={row.status} />{row.reason && <small>{row.reason}</small>}</> },
    { key: "do", title: "", kind: "actions", cell: (row) => row.status === "pending" && may("manage") && (
      <span class="row tight">
        <Button kind="primary" onClick={() => approve(row)}>{t("team.approve")}</Button>
        <Button kind="danger" onClick={() => setDeclined(row)}>{t("team.decline")}</Button>
      </span>) },
  ];
  return (
    <Page title={t("team.nav.applications")} lead={t("team.applications.lead")} actions={<Csv path="/v1/applications" query={query} />}>
      <div class="filters">
        <StatusFilter standard="pending" options={STATES.map((one) => [one, t(`status.${one}`)])} /><ProgramFilter />
      </div>
      <ListTable list={list} caption={t("team.nav.applications")} columns={columns}
        empty={<Empty icon="person" title={t("team.applications.none")} action={<a class="button" href="/team/programs">{t("team.applications.none.do")}</a>}>{t("team.applications.none.text")}</Empty>} />
      {declined && (
        <ReasonWish title={t("team.applications.decline.title")} does={t("team.decline")} done={t("team.applications.declined")} onDone={reload}
          onClose={() => setDeclined(null)} send={(reason, key) => post(`/v1/applications/${declined.id}/decline`, { reason }, key)} />
      )}
    </Page>
  );
}
