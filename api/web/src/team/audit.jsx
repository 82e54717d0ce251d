// Every change that somebody made: who, when, what was before and what is now.
import { useState } from "preact/hooks";
import { FRESH_MS, useList } from "../lib/data.js";
import { t, word } from "../lib/i18n.js";
import { address, place, setQuery } from "../lib/router.js";
import { Dialog } from "../ui/dialog.jsx";
import { Button } from "../ui/field.jsx";
import { PeriodChoice, usePeriod } from "../ui/period.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Time } from "../ui/value.jsx";
import { StatusFilter, TextFilter, useFilters } from "./choice.jsx";

const OBJECTS = [
  "program", "admission", "terms", "commission_rule", "commission_tier", "terms_policy", "terms_acceptance", "terms_preview",
  "attribution_policy", "fraud_policy", "payout_policy", "partner_policy", "product_category", "currency_rate", "partner", "application",
  "partner_group", "partner_customer", "partner_address", "partner_postback", "link", "link_rule", "promo_code", "creative",
  "creative_file", "conversion_decision", "payout", "ledger_transaction", "ledger_entry", "period_close", "channel_cost", "integration",
  "integration_secret", "api_key", "person",
];
const shown = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
const wordOf = (object) => word("team.object", object);

/** A session is a key that a login made. */
const objectText = ({ object, before, after }) => wordOf(object === "api_key" && (after ?? before)?.person_id ? "session" : object);

/** [name, before, after] of what differs. */
function changesOf({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names.map((name) => [name, before?.[name], after?.[name]]).filter(([, one, other]) => JSON.stringify(one ?? null) !== JSON.stringify(other ?? null));
}

function Who({ row }) {
  return <>{row.person_name ?? row.api_key_name ?? row.db_role}</>;
}

function Change({ row, onClose }) {
  const title = `${objectText(row)} ${row.object_id}`;
  return (
    <Dialog wide title={title} onClose={onClose}>
      <p class="muted">{t(`team.action.${row.action}`)} · <Time at={row.at} /> · <Who row={row} /></p>
      <table class="table compare">
        <caption class="unseen">{title}</caption>
        <thead><tr><th scope="col">{t("team.audit.member")}</th><th scope="col">{t("team.audit.before")}</th><th scope="col">{t("team.audit.after")}</th></tr></thead>
        <tbody>
          {changesOf(row).map(([name, before, after]) => (
            <tr key={name}><td class="main"><span class="cell">{name}</span></td><td data-title={t("team.audit.before")}><span class="cell">{shown(before)}</span></td><td data-title={t("team.audit.after")}><span class="cell">{shown(after)}</span></td></tr>
          ))}
        </tbody>
      </table>
      {row.hidden?.length > 0 && <p class="muted">{t("team.audit.hidden", { names: row.hidden.join(", ") })}</p>}
    </Dialog>
  );
}

export function Audit() {
  const { from, to } = usePeriod();
  const query = { ...useFilters("object", "object_id", "action", "person_id"), from, to };
  const list = useList("/v1/audit", query, { every: FRESH_MS });
  const [row, setRow] = useState(null);
  const columns = [
    { key: "what", title: t("team.audit.what"), kind: "main", cell: (one) => <>{objectText(one)} {one.object_id}<small>{t(`team.action.${one.action}`)}</small></> },
    { key: "at", title: t("team.at"), cell: (one) => <Time at={one.at} /> },
    { key: "who", title: t("team.audit.who"), cell: (one) => (one.person_id ? <a href={address("/team/audit", { ...place.get().query, person_id: one.person_id })}><Who row={one} /></a> : <Who row={one} />) },
    { key: "changes", title: t("team.audit.changes"), cell: (one) => <span class="clip">{changesOf(one).map(([name]) => name).join(", ")}</span> },
    { key: "do", title: "", kind: "actions", cell: (one) => <Button kind="quiet" onClick={() => setRow(one)}>{t("team.audit.show")}</Button> },
  ];
  return (
    <Page title={t("team.nav.audit")} lead={t("team.audit.lead")} actions={<Csv path="/v1/audit" query={query} />}>
      <div class="filters">
        <PeriodChoice />
        <StatusFilter name="object" label={t("team.audit.what")} options={[["", t("team.audit.everything")], ...OBJECTS.map((object) => [object, wordOf(object)])]} />
        <StatusFilter name="action" label={t("team.audit.action")} options={[["", t("team.audit.any")], ...["insert", "update", "delete"].map((action) => [action, t(`team.action.${action}`)])]} />
        <TextFilter name="object_id" label={t("team.number")} />
        {query.person_id && (
          <Button kind="quiet" icon="close" onClick={() => setQuery({ person_id: null })}>{t("team.audit.by", { name: list.rows?.[0]?.person_name ?? `#${query.person_id}` })}</Button>
        )}
      </div>
      <ListTable list={list} caption={t("team.nav.audit")} columns={columns} empty={<Empty icon="audit" title={t("team.audit.none")} />} />
      {row && <Change row={row} onClose={() => setRow(null)} />}
    </Page>
  );
}
