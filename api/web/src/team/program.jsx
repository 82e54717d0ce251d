// One programme: its settings, who may join it, what it pays out, what speaks of fraud, and how shops report to it.
import { useState } from "preact/hooks";
import { patch, post } from "../lib/api.js";
import { useData, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { minorOf } from "../lib/money.js";
import { useStore } from "../lib/store.js";
import { CopyText } from "../ui/copy.jsx";
import { confirmed, toast } from "../ui/dialog.jsx";
import { Button, CheckField, errorText, Form, Notice, SelectField, Submit, TextField, useForm } from "../ui/field.jsx";
import { KeyShown } from "../ui/keys.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Empty, Failure, ListTable, Waiting } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { needed, Wish } from "../ui/wish.jsx";
import { loadPrograms, programOf, programs } from "./names.js";
import { may } from "./rights.js";

// Signs of fraud, and the numbers that each needs.
const FACTS = { self_referral: [], too_fast: ["least"], code_without_visit: [], order_velocity: ["least"], click_flood: ["least", "minutes"] };

/** A form of the page that says when it is saved. */
function useSaved(initial, send, check) {
  return useForm(initial, async (values) => {
    await send(values);
    toast(t("team.saved"));
  }, check);
}

function Settings({ program }) {
  const { fallback_url, hosts, visitor_cookie, consent_required, duplicate_window_seconds, status } = program;
  const form = useSaved(
    { status, fallback_url: fallback_url ?? "", hosts: hosts.join("\n"), visitor_cookie, consent_required, duplicate_window_seconds: String(duplicate_window_seconds) },
    async (values) => {
      await patch(`/v1/programs/${program.id}`, {
        ...values, ...(values.fallback_url ? {} : { fallback_url: undefined }), hosts: values.hosts.split(/\s+/).filter(Boolean),
        duplicate_window_seconds: Number(values.duplicate_window_seconds) });
      await loadPrograms();
    });
  return (
    <Form form={form} label={t("team.program.settings")}>
      <div class="form-row">
        <SelectField name="status" label={t("team.status")} hint={t("team.program.status.hint")} options={["active", "paused"].map((one) => [one, t(`status.${one}`)])} />
        <TextField name="duplicate_window_seconds" label={t("team.program.repeats")} hint={t("team.program.repeats.hint")} type="number" min={0} max={86400} />
      </div>
      <TextField name="fallback_url" label={t("team.programs.fallback")} hint={t("team.programs.fallback.hint")} type="url" placeholder="https://" optional />
      <TextField name="hosts" label={t("team.program.hosts")} hint={t("team.program.hosts.hint")} lines={3} optional spellcheck={false} />
      <CheckField name="visitor_cookie" label={t("team.program.cookie")} />
      <CheckField name="consent_required" label={t("team.program.consent")} />
      <div class="form-foot"><Submit>{t("team.save")}</Submit></div>
    </Form>
  );
}

function Admission({ program }) {
  const { data, error, reload } = useData(`/v1/programs/${program.id}/admission`);
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <Waiting />;
  return (
    <div class="stack">
      {data.is_open ? <CopyText text={location.origin + data.path} label={t("team.program.join")} /> : <Notice>{t("team.admission.closed")}</Notice>}
      {may("manage") && <AdmissionForm key={JSON.stringify(data)} program={program} of={data} onSaved={reload} />}
    </div>
  );
}

function AdmissionForm({ program, of, onSaved }) {
  const form = useSaved({ is_open: of.is_open, approval: of.approval, daily_max: String(of.daily_max), target_url: of.target_url ?? "" }, async (values) => {
    await patch(`/v1/programs/${program.id}/admission`, { ...values, daily_max: Number(values.daily_max), target_url: values.target_url.trim() || null });
    onSaved();
  });
  return (
    <Form form={form} label={t("team.program.join")}>
      <CheckField name="is_open" label={t("team.admission.open")} />
      <div class="form-row">
        <SelectField name="approval" label={t("team.admission.approval")} options={["manual", "known", "everybody"].map((one) => [one, t(`team.admission.${one}`)])} />
        {form.values.approval !== "manual" && <TextField name="daily_max" label={t("team.admission.daily_max")} hint={t("team.admission.daily_max.hint")} type="number" min={0} max={100000} />}
      </div>
      <TextField name="target_url" label={t("team.admission.target")} hint={t("team.admission.target.hint")} type="url" placeholder="https://" optional />
      <div class="form-foot"><Submit>{t("team.save")}</Submit></div>
    </Form>
  );
}

function Payouts({ program }) {
  const min = ({ min: text }) => minorOf(text, program.currency);
  const form = useSaved({ min: "" }, (values) => patch(`/v1/programs/${program.id}/payout-policy`, { min_minor: min(values) }), (values) => (min(values) > 0 ? {} : { min: t("team.amount.wrong") }));
  return (
    <Form form={form} label={t("team.program.payouts")}>
      <TextField name="min" label={t("team.program.min", { currency: program.currency })} hint={t("team.program.min.hint")} inputMode="decimal" />
      <div class="form-foot"><Submit>{t("team.save")}</Submit></div>
    </Form>
  );
}

function Fraud({ program }) {
  const form = useSaved({ fact: Object.keys(FACTS)[0], action: "hold", least: "", minutes: "" }, ({ fact, action, ...numbers }) => patch(`/v1/programs/${program.id}/fraud-policy`, {
    fact, action, ...Object.fromEntries(FACTS[fact].map((name) => [name, Number(numbers[name])])) }), (values) => needed(...FACTS[values.fact])(values));
  const { fact } = form.values;
  return (
    <Form form={form} label={t("team.program.fraud")}>
      <div class="form-row">
        <SelectField name="fact" label={t("team.fraud.fact")} options={Object.keys(FACTS).map((one) => [one, t(`fact.${one}`)])} />
        <SelectField name="action" label={t("team.fraud.action")} options={["hold", "pass", "off"].map((action) => [action, t(`team.fraud.${action}`)])} />
      </div>
      {FACTS[fact].length > 0 && (
        <div class="form-row">
          <TextField name="least" label={t(`team.fraud.least.${fact}`)} type="number" min={1} max={1000000} />
          {FACTS[fact].includes("minutes") && <TextField name="minutes" label={t("team.fraud.minutes")} type="number" min={1} max={60} />}
        </div>
      )}
      <div class="form-foot"><Submit>{t("team.save")}</Submit></div>
    </Form>
  );
}

function Integrations({ program }) {
  const list = useList("/v1/integrations", { program_id: program.id });
  const [wish, setWish] = useState(null);
  const revoke = async ({ id, name }) => {
    if (!(await confirmed({ title: t("team.integration.revoke.title", { name }), text: t("team.integration.revoke.text"), yes: t("keys.revoke"), danger: true }))) return;
    post(`/v1/integrations/${id}/revoke`, {}).then(list.reload, (error) => toast(errorText(error), "bad"));
  };
  const columns = [
    { key: "name", title: t("team.name"), kind: "main", cell: (row) => row.name },
    { key: "since", title: t("team.since"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.status} /> },
    { key: "do", title: "", kind: "actions", cell: (row) => may("manage") && row.status === "active" && <Button kind="quiet" onClick={() => revoke(row)}>{t("keys.revoke")}</Button> },
  ];
  return (
    <Section title={t("team.integrations")} lead={t("team.integrations.lead")}
      actions={may("manage") && <Button icon="plus" onClick={() => setWish("add")}>{t("team.integrations.add")}</Button>}>
      <ListTable list={list} caption={t("team.integrations")} columns={columns} empty={<Empty icon="postback" title={t("team.integrations.none")}>{t("team.integrations.lead")}</Empty>} />
      {wish === "add" && (
        <Wish title={t("team.integrations.add")} does={t("team.integrations.add")} initial={{ name: "" }} check={needed("name")} onClose={() => setWish(null)}
          onDone={(made) => { setWish(made); list.reload(); }} send={({ name }, key) => post(`/v1/programs/${program.id}/integrations`, { name: name.trim() }, key)}>
          <TextField name="name" label={t("team.name")} hint={t("team.integrations.name")} maxLength={200} />
        </Wish>
      )}
      {wish?.key && <KeyShown made={wish} onClose={() => setWish(null)} />}
    </Section>
  );
}

export function Program({ id }) {
  useStore(programs);
  const program = programOf(id);
  const back = { path: "/team/programs", text: t("team.nav.programs") };
  if (!program) return <Page title={t("team.program")} back={back}><Empty title={t("team.program.missing")} /></Page>;
  return (
    <Page title={program.name} back={back} lead={<><Status of={program.status} /> · {program.code} · {program.currency} · {program.time_zone}</>}
      actions={<a class="button primary" href={`/team/programs/${id}/terms`}>{t("team.terms")}</a>}>
      <Section class="editor" title={t("team.program.join")} lead={t("team.program.join.lead")}><Admission program={program} /></Section>
      {may("manage") && <Section title={t("team.program.settings")}><Settings key={JSON.stringify(program)} program={program} /></Section>}
      <Integrations program={program} />
      {may("pay") && <Section title={t("team.program.payouts")}><Payouts program={program} /></Section>}
      {may("manage") && <Section title={t("team.program.fraud")} lead={t("team.program.fraud.lead")}><Fraud program={program} /></Section>}
    </Page>
  );
}
