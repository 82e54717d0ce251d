// Promo codes: one, many of a list, or many that are made up.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { FRESH_MS, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { CopyText } from "../ui/copy.jsx";
import { Dialog } from "../ui/dialog.jsx";
import { Button, Notice, SelectField, TextField } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Csv, Empty, ListTable, Table } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { filled, needed, Wish } from "../ui/wish.jsx";
import { likelyProgram, PartnerField, PartnerFilter, PartnerName, ProgramField, ProgramFilter, ProgramName, StatusFilter, useFilters } from "./choice.jsx";
import { programOf } from "./names.js";
import { may } from "./rights.js";

const CODES_MAX = 1000;
const listed = (text) => text.split(/[\s,;]+/).filter(Boolean);

function check(values) {
  const errors = needed("program_id", "partner_id", "target_url", ...(values.how === "random" ? ["count"] : ["codes"]))(values);
  const many = values.how === "random" ? Number(values.count) : listed(values.codes).length;
  if (many > CODES_MAX) errors[values.how === "random" ? "count" : "codes"] = t("team.codes.too_many", { n: CODES_MAX });
  return errors;
}

function send({ how, codes, count, prefix, target_url, program_id, partner_id }, key) {
  const common = { program_id: Number(program_id), partner_id: Number(partner_id), target_url };
  if (how === "random") return post("/v1/promo-codes/bulk", filled({ ...common, count: Number(count), prefix }), key);
  return post("/v1/promo-codes/bulk", { ...common, codes: listed(codes) }, key);
}

function CodesWish({ onClose, onDone }) {
  const program_id = likelyProgram();
  return (
    <Wish title={t("team.codes.add")} does={t("team.codes.add")} onClose={onClose} onDone={onDone} check={check} send={send}
      initial={{ program_id, partner_id: "", target_url: programOf(program_id)?.fallback_url ?? "", how: "given", codes: "", prefix: "", count: "10" }}>
      {(form) => (
        <>
          <div class="form-row"><ProgramField /><PartnerField /></div>
          <TextField name="target_url" label={t("team.target")} hint={t("team.codes.target")} type="url" placeholder="https://" />
          <SelectField name="how" label={t("team.codes.how")} options={[["given", t("team.codes.given")], ["random", t("team.codes.random")]]} />
          {form.values.how === "random"
            ? (
              <div class="form-row">
                <TextField name="count" label={t("team.codes.count")} type="number" min={1} max={CODES_MAX} />
                <TextField name="prefix" label={t("team.codes.prefix")} hint={t("team.codes.prefix.hint")} optional maxLength={56} />
              </div>
            )
            : <TextField name="codes" label={t("team.codes.list")} hint={t("team.codes.list.hint")} lines={5} spellcheck={false} />}
        </>
      )}
    </Wish>
  );
}

/** What became of each code of a list. */
function Verdicts({ data, onClose }) {
  const made = data.filter(({ verdict }) => verdict === "made");
  const rest = data.filter(({ verdict }) => verdict !== "made");
  const columns = [
    { key: "code", title: t("team.code"), kind: "main", cell: ({ code }) => <code>{code}</code> },
    { key: "verdict", title: t("team.verdict"), cell: ({ verdict }) => t(`team.verdict.${verdict}`) },
  ];
  return (
    <Dialog title={t("team.codes.done", { n: made.length })} onClose={onClose} actions={<Button kind="primary" onClick={onClose}>{t("dialog.close")}</Button>}>
      <div class="stack">
        {rest.length > 0 && <Notice kind="waiting">{t("team.codes.rest", { n: rest.length })}</Notice>}
        {rest.length > 0 && <Table caption={t("team.codes.rest", { n: rest.length })} columns={columns} rows={rest} rowKey={({ code }) => code} />}
        {made.length > 0 && <CopyText lines text={made.map(({ code }) => code).join("\n")} label={t("team.nav.codes")} />}
      </div>
    </Dialog>
  );
}

export function Codes() {
  const filters = useFilters("status", "program_id", "partner_id");
  const list = useList("/v1/promo-codes", filters, { every: FRESH_MS });
  const [shown, setShown] = useState(null);
  const columns = [
    { key: "code", title: t("team.code"), kind: "main", cell: (row) => <code>{row.code}</code> },
    { key: "partner", title: t("team.partner"), cell: (row) => <PartnerName id={row.partner_id} /> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "target", title: t("team.target"), cell: (row) => <span class="clip" title={row.target_url}>{row.target_url}</span> },
    { key: "since", title: t("team.since"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.status} room="team.status_m" /> },
  ];
  return (
    <Page title={t("team.nav.codes")} lead={t("team.codes.lead")}
      actions={<><Csv path="/v1/promo-codes" query={filters} />{may("manage") && <Button kind="primary" icon="plus" onClick={() => setShown("wish")}>{t("team.codes.add")}</Button>}</>}>
      <div class="filters">
        <StatusFilter options={[["", t("team.status.all")], ["active", t("team.status_m.active")], ["paused", t("team.status_m.paused")]]} /><ProgramFilter /><PartnerFilter />
      </div>
      <ListTable list={list} caption={t("team.nav.codes")} columns={columns} empty={<Empty icon="code" title={t("team.codes.none")}>{t("team.codes.none.text")}</Empty>} />
      {shown === "wish" && <CodesWish onClose={() => setShown(null)} onDone={(answer) => { setShown(answer); list.reload(); }} />}
      {shown?.data && <Verdicts data={shown.data} onClose={() => setShown(null)} />}
    </Page>
  );
}
