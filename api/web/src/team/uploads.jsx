// Files of the team: conversions and costs of channels, each row with its verdict.
import { useRef, useState } from "preact/hooks";
import { ask } from "../lib/api.js";
import { useData, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { countText } from "../lib/money.js";
import { navigate } from "../lib/router.js";
import { Field, Form, Notice, SelectField, Submit, useForm } from "../ui/field.jsx";
import { Figures } from "../ui/figures.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Csv, Empty, Failure, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { likelyProgram, ProgramField, ProgramName, StatusFilter, useFilters } from "./choice.jsx";
import { may } from "./rights.js";

const KINDS = ["conversions", "channel_costs"];
const ASK_MS = 1000;
const VERDICTS = ["accepted", "duplicate", "refused"];
const typeOf = (name) => (/\.(ndjson|jsonl)$/i.test(name) ? "application/x-ndjson" : "text/csv");

function FileField({ chosen, onChoose }) {
  return (
    <Field name="file" label={t("team.uploads.file")} hint={t("team.uploads.file.hint")}>
      {(attributes) => <input {...attributes} ref={chosen} type="file" accept=".csv,.ndjson,.jsonl,text/csv,application/x-ndjson" onChange={onChoose} />}
    </Field>
  );
}

function NewUpload() {
  const chosen = useRef();
  const form = useForm({ kind: KINDS[0], program_id: likelyProgram(), file: null }, async ({ kind, program_id }) => {
    const file = chosen.current.files[0];
    const made = await ask("POST", "/v1/uploads", { query: { kind, program_id }, body: file, type: typeOf(file.name) });
    navigate(`/team/uploads/${made.id}`);
  }, () => (chosen.current.files.length ? {} : { file: t("team.uploads.needed") }));
  return (
    <Form form={form} label={t("team.uploads.add")}>
      <div class="form-row">
        <SelectField name="kind" label={t("team.uploads.kind")} options={KINDS.map((kind) => [kind, t(`team.uploads.${kind}`)])} />
        <ProgramField />
      </div>
      <FileField chosen={chosen} onChoose={(event) => form.set({ file: event.currentTarget.value })} />
      <p class="field-hint">{t(`team.uploads.${form.values.kind}.columns`)}</p>
      <div class="form-foot"><Submit>{t("team.uploads.do")}</Submit></div>
    </Form>
  );
}

export function Uploads() {
  const list = useList("/v1/uploads", {}, { every: ASK_MS * 5 });
  const columns = [
    { key: "id", title: t("team.upload"), kind: "main", cell: (row) => <><a href={`/team/uploads/${row.id}`}>{t("team.upload.number", { n: row.id })}</a><small>{t(`team.uploads.${row.kind}`)}</small></> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "at", title: t("team.at"), cell: (row) => <Time at={row.created_at} /> },
    { key: "rows", title: t("team.uploads.rows"), kind: "number", cell: (row) => countText(row.rows) },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.status} room="team.upload.status" /> },
  ];
  return (
    <Page title={t("team.nav.uploads")} lead={t("team.uploads.lead")}>
      {may("manage") && <Section title={t("team.uploads.add")}><NewUpload /></Section>}
      {!list.error && (
        <Section title={t("team.uploads.earlier")}>
          <ListTable list={list} caption={t("team.uploads.earlier")} columns={columns} empty={<Empty icon="upload" title={t("team.uploads.none")}>{t("team.uploads.none.text")}</Empty>} />
        </Section>
      )}
    </Page>
  );
}

export function Upload({ id }) {
  const [ended, setEnded] = useState(false);
  const { data, error, reload } = useData(`/v1/uploads/${id}`, {}, { every: ended ? 0 : ASK_MS });
  const { verdict } = useFilters("verdict");
  const list = useList(`/v1/uploads/${id}/rows`, { verdict }, { every: ended ? 0 : ASK_MS });
  const running = !data || data.status === "receiving";
  if (running === ended) setEnded(!running);
  const columns = [
    { key: "line", title: t("team.upload.line"), kind: "main", cell: (row) => countText(row.line) },
    { key: "verdict", title: t("team.verdict"), cell: (row) => t(`team.verdict.${row.verdict}`) },
    { key: "why", title: t("team.upload.why"), cell: (row) => row.reason ?? "–" },
    { key: "receipt", title: t("team.upload.receipt"), cell: (row) => (row.receipt ? <code>{row.receipt}</code> : "–") },
  ];
  return (
    <Page title={t("team.upload.number", { n: id })} back={{ path: "/team/uploads", text: t("team.nav.uploads") }}
      lead={data && <>{t(`team.uploads.${data.kind}`)} · <ProgramName id={data.program_id} /> · <Status of={data.status} room="team.upload.status" /></>} actions={<Csv path={`/v1/uploads/${id}/rows`} query={{ verdict }} />}>
      {error && <Failure error={error} retry={reload} />}
      {data?.status === "broken" && <Notice kind="bad" role="alert">{t("team.upload.broken", { reason: data.reason ?? "" })}</Notice>}
      <Figures label={t("team.upload.verdicts")} items={[{ key: "rows", title: t("team.uploads.rows"), value: data && countText(data.rows) },
        ...VERDICTS.map((key) => ({ key, title: t(`team.verdict.${key}`), value: data && countText(data[key]) }))]} />
      <Section title={t("team.upload.rows")}>
        <div class="filters"><StatusFilter name="verdict" label={t("team.verdict")} options={[["", t("team.verdict.all")], ...VERDICTS.map((key) => [key, t(`team.verdict.${key}`)])]} /></div>
        <ListTable list={list} caption={t("team.upload.rows")} columns={columns} rowKey={(row) => row.line} empty={<Empty title={t("team.upload.no_rows")} />} />
      </Section>
    </Page>
  );
}
