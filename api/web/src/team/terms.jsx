// Versions of a programme's terms, and the editor of the next one: rates, rules, and what last month would have cost by them.
import { useContext, useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { moneyText, rateText } from "../lib/money.js";
import { useStore } from "../lib/store.js";
import { toast } from "../ui/dialog.jsx";
import { Button, CheckField, Form, FormContext, IconButton, Notice, SelectField, Submit, TextField, useForm } from "../ui/field.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Csv, Empty, ListTable } from "../ui/table.jsx";
import { Time } from "../ui/value.jsx";
import { PartnerField, PartnerName } from "./choice.jsx";
import { programOf, programs } from "./names.js";
import { Preview } from "./preview.jsx";
import { may } from "./rights.js";
import { blankRule, bodyOf, CONDITIONS, checkTerms, valuesOf } from "./terms_form.js";

function RateText({ of, currency }) {
  const parts = [];
  if (of.tiers?.length) parts.push(of.tiers.map(({ from_minor, rate_ppm }) => t("team.terms.tier", { from: moneyText(from_minor, currency), rate: rateText(rate_ppm) })).join(", "));
  else if (of.rate_ppm !== null && of.rate_ppm !== undefined) parts.push(rateText(of.rate_ppm));
  if (of.fixed_minor) parts.push(moneyText(of.fixed_minor, currency));
  return <>{parts.join(" + ") || "–"}</>;
}

function conditionsText(rule) {
  const asked = CONDITIONS.filter((name) => rule[name]).map((name) => `${t(`team.rule.${name}`)}: ${rule[name]}`);
  return asked.join(" · ") || t("team.rule.always");
}

function Rule({ id, n, onRemove }) {
  const { values } = useContext(FormContext);
  const field = (name) => `${id}.${name}`;
  const pays = values[field("commission_kind")];
  const choices = { customer_kind: ["new", "returning"], channel: ["code", "click"] };
  return (
    <fieldset class="rule">
      <legend>{t("team.rule", { n })}</legend>
      <IconButton icon="close" label={t("team.rule.remove", { n })} onClick={onRemove} />
      <p class="field-hint">{t("team.rule.when")}</p>
      <div class="form-row dense">
        {CONDITIONS.map((name) => (choices[name]
          ? <SelectField key={name} name={field(name)} label={t(`team.rule.${name}`)} options={[["", t("team.rule.any")], ...choices[name].map((one) => [one, t(`team.rule.${name}.${one}`)])]} />
          : <TextField key={name} name={field(name)} label={t(`team.rule.${name}`)} placeholder={t("team.rule.any")} maxLength={200} />))}
      </div>
      <p class="field-hint">{t("team.rule.pays")}</p>
      <div class="form-row dense">
        <SelectField name={field("commission_kind")} label={t("team.terms.kind")} options={["percent", "tiers", "fixed", "hybrid"].map((kind) => [kind, t(`team.terms.kind.${kind}`)])} />
        {(pays === "percent" || pays === "hybrid") && <TextField name={field("rate")} label={t("team.terms.rate")} inputMode="decimal" />}
        {(pays === "fixed" || pays === "hybrid") && <TextField name={field("fixed")} label={t("team.terms.fixed")} inputMode="decimal" />}
        {pays === "tiers" && <SelectField name={field("tier_mode")} label={t("team.rule.tier_mode")} options={["marginal", "whole"].map((mode) => [mode, t(`team.rule.tier_mode.${mode}`)])} />}
        {pays === "tiers" && <TextField name={field("tiers")} label={t("team.rule.tiers")} hint={t("team.rule.tiers.hint")} lines={3} placeholder={"0 5\n100000 8"} />}
        <TextField name={field("order_min")} label={t("team.rule.order_min")} inputMode="decimal" optional />
        <TextField name={field("order_max")} label={t("team.rule.order_max")} inputMode="decimal" optional />
        <TextField name={field("month_max")} label={t("team.rule.month_max")} inputMode="decimal" optional />
        <TextField name={field("hold_days")} label={t("team.terms.hold")} type="number" min={0} max={3650} optional />
      </div>
    </fieldset>
  );
}

function Editor({ program, from, onDone, onClose }) {
  const [draft, setDraft] = useState(null);
  const form = useForm(valuesOf(from, program.currency), async (values, key) => {
    await post(`/v1/programs/${program.id}/terms`, bodyOf(values, program.currency), key);
    toast(t("team.terms.saved"));
    onDone();
  }, (values) => checkTerms(values, program.currency));
  const { values } = form;
  const rules = (ids, more = {}) => form.set({ rules: ids, ...more });
  const add = () => {
    const id = `r${Date.now()}`;
    rules([...values.rules, id], blankRule(id));
  };
  function preview() {
    const errors = checkTerms(values, program.currency);
    if (Object.keys(errors).length) form.submit(); // it shows them and sends nothing
    else setDraft(bodyOf(values, program.currency));
  }
  const changed = draft && JSON.stringify(draft) !== JSON.stringify(bodyOf(values, program.currency));
  return (
    <Section title={t("team.terms.new")} lead={t("team.terms.new.lead")} class="editor">
      <Form form={form} label={t("team.terms.new")}>
        <div class="form-row">
          <PartnerField optional hint={t("team.terms.partner.hint")} />
          <TextField name="effective_from" label={t("team.terms.from")} hint={t("team.terms.from.hint")} type="datetime-local" optional />
        </div>
        <div class="form-row">
          <SelectField name="commission_kind" label={t("team.terms.kind")} options={["percent", "fixed"].map((kind) => [kind, t(`team.terms.kind.${kind}`)])} />
          {values.commission_kind === "percent"
            ? <TextField name="rate" label={t("team.terms.rate")} inputMode="decimal" />
            : <TextField name="fixed" label={t("team.terms.fixed")} inputMode="decimal" />}
          <TextField name="hold_days" label={t("team.terms.hold")} hint={t("team.terms.hold.hint")} type="number" min={0} max={3650} />
          <TextField name="window_days" label={t("team.terms.window")} hint={t("team.terms.window.hint")} type="number" min={1} max={365} />
        </div>
        <SelectField name="precedence" label={t("team.terms.precedence")} options={["code_over_click", "last_touch"].map((one) => [one, t(`team.terms.${one}`)])} />
        <CheckField name="needs_acceptance" label={t("team.terms.acceptance")} hint={t("team.terms.acceptance.hint")} />
        {values.rules.map((id, i) => <Rule key={id} id={id} n={i + 1} onRemove={() => rules(values.rules.filter((other) => other !== id))} />)}
        {form.errors.rules && <Notice kind="bad" role="alert">{form.errors.rules}</Notice>}
        <div><Button icon="plus" onClick={add}>{t("team.rule.add")}</Button></div>
        {draft && <Preview key={JSON.stringify(draft)} program={program} draft={draft} stale={changed} />}
        <div class="form-foot">
          <Button icon="overview" onClick={preview}>{t("team.preview.do")}</Button>
          <Submit>{t("team.terms.save")}</Submit>
          <Button kind="quiet" onClick={onClose}>{t("dialog.cancel")}</Button>
        </div>
      </Form>
    </Section>
  );
}

function Acceptances({ program }) {
  const list = useList(`/v1/programs/${program.id}/acceptances`);
  const columns = [
    { key: "partner", title: t("team.partner"), kind: "main", cell: (row) => <PartnerName id={row.partner_id} /> },
    { key: "version", title: t("team.terms.column"), cell: (row) => t("team.terms.version", { n: row.version }) },
    { key: "at", title: t("team.at"), cell: (row) => <Time at={row.accepted_at} /> },
  ];
  return (
    <Section title={t("team.terms.acceptances")} actions={<Csv path={`/v1/programs/${program.id}/acceptances`} />}>
      <ListTable list={list} caption={t("team.terms.acceptances")} columns={columns} rowKey={(row) => `${row.terms_id}/${row.partner_id}`}
        empty={<Empty icon="terms" title={t("team.terms.acceptances.none")}>{t("team.terms.acceptances.text")}</Empty>} />
    </Section>
  );
}

export function Terms({ id }) {
  useStore(programs);
  const program = programOf(id);
  const list = useList(`/v1/programs/${id}/terms`);
  const [from, setFrom] = useState(null);
  const back = { path: `/team/programs/${id}`, text: program?.name ?? t("team.program") };
  if (!program) return <Page title={t("team.terms")} back={back}><Empty title={t("team.program.missing")} /></Page>;
  const columns = [
    { key: "version", title: t("team.terms.column"), kind: "main", cell: (row) => <>{t("team.terms.version", { n: row.version })}<small>{row.partner_id ? <PartnerName id={row.partner_id} /> : t("team.terms.all")}</small></> },
    { key: "from", title: t("team.terms.from"), cell: (row) => <Time at={row.effective_from} /> },
    { key: "rate", title: t("team.terms.rate.column"), kind: "number", cell: (row) => <RateText of={row} currency={program.currency} /> },
    { key: "rules", title: t("team.terms.rules"), cell: (row) => (row.rules.length
      ? <ul class="rules">{row.rules.map((rule, i) => <li key={i}><b><RateText of={rule} currency={program.currency} /></b> <small>{conditionsText(rule)}</small></li>)}</ul> : "–") },
    { key: "hold", title: t("team.terms.hold"), kind: "number", cell: (row) => row.hold_days },
    { key: "window", title: t("team.terms.window"), kind: "number", cell: (row) => row.window_days },
    { key: "do", title: "", kind: "actions", cell: (row) => may("manage") && <Button kind="quiet" onClick={() => setFrom(row)}>{t("team.terms.copy")}</Button> },
  ];
  return (
    <Page title={t("team.terms")} lead={t("team.terms.lead")} back={back}
      actions={<><Csv path={`/v1/programs/${id}/terms`} />{may("manage") && !from && <Button kind="primary" icon="plus" onClick={() => setFrom(list.rows?.find(({ partner_id }) => !partner_id) ?? {})}>{t("team.terms.add")}</Button>}</>}>
      {from && <Editor key={from.id ?? 0} program={program} from={from} onClose={() => setFrom(null)} onDone={() => { setFrom(null); list.reload(); }} />}
      <Section title={t("team.terms.versions")}>
        <ListTable list={list} caption={t("team.terms.versions")} columns={columns} empty={<Empty icon="terms" title={t("team.terms.none")}>{t("team.terms.none.text")}</Empty>} />
      </Section>
      <Acceptances program={program} />
    </Page>
  );
}
