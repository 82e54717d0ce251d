// Registration: the programme's offer in force, and the form that accepts exactly this version.
import { useState } from "preact/hooks";
import { ask } from "../lib/api.js";
import { useData } from "../lib/data.js";
import { language, t } from "../lib/i18n.js";
import { PASSWORD_MIN } from "../lib/password.js";
import { useStore } from "../lib/store.js";
import { TermsFacts } from "../partner/terms_text.jsx";
import { CheckField, Form, Notice, Submit, TextField, useForm } from "../ui/field.jsx";
import { Failure } from "../ui/table.jsx";
import { Time } from "../ui/value.jsx";
import { Leaf } from "./leaf.jsx";

const NEEDED = ["name", "email", "password", "site"];

function check(values) {
  const errors = Object.fromEntries(NEEDED.filter((name) => !values[name].trim()).map((name) => [name, t("field.needed")]));
  if (!errors.password && [...values.password].length < PASSWORD_MIN) errors.password = t("field.password_short", { n: PASSWORD_MIN });
  if (!values.accepted) errors.accepted = t("join.accept_needed");
  return errors;
}

function Offer({ program, terms }) {
  return (
    <Leaf title={program.name} lead={t("join.lead")}>
      <div class="offer-told">
        <h2>{t("join.offer")}</h2>
        <p class="muted">{t("terms.version", { n: terms.version })} · {t("terms.since")} <Time at={terms.effective_from} date /></p>
        <TermsFacts terms={terms} currency={program.currency} />
        {terms.text && <div class="offer-text">{terms.text.split("\n").map((line) => <p key={line}>{line}</p>)}</div>}
      </div>
    </Leaf>
  );
}

function Registration({ code, terms, onDone }) {
  const form = useForm({ name: "", email: "", password: "", site: "", message: "", accepted: false }, async (values, key) => {
    const { name, email, password, site, message } = values;
    onDone(await ask("POST", `/v1/join/${encodeURIComponent(code)}`, { key, quiet: true, body: {
      name: name.trim(), email: email.trim(), password, site: site.trim(), ...(message.trim() && { message: message.trim() }),
      language: language.get(), terms_id: terms.id, terms_version: terms.version } }));
  }, check);
  return (
    <Leaf title={t("join.title")}>
      <Form form={form} label={t("join.title")}>
        <TextField name="name" label={t("join.name")} hint={t("join.name_hint")} autocomplete="organization" maxLength={200} />
        <TextField name="email" label={t("field.email")} type="email" autocomplete="username" spellcheck={false} />
        <TextField name="password" label={t("field.password")} hint={t("field.password_hint", { n: PASSWORD_MIN })} type="password" autocomplete="new-password" />
        <TextField name="site" label={t("join.site")} hint={t("join.site_hint")} inputMode="url" spellcheck={false} maxLength={500} />
        <TextField name="message" label={t("join.message")} hint={t("join.message_hint")} optional lines={3} maxLength={2000} />
        <CheckField name="accepted" label={t("join.accept", { n: terms.version })} />
        <div class="form-foot"><Submit>{t("join.do")}</Submit></div>
      </Form>
      <p class="leaf-links"><a href="/login">{t("join.have")}</a></p>
    </Leaf>
  );
}

function Done({ application }) {
  const approved = application.status === "approved";
  return (
    <Leaf title={t(approved ? "join.approved" : "join.received")}>
      <Notice kind="good" role="status">{t(approved ? "join.approved_text" : "join.received_text")}</Notice>
      <p class="leaf-links"><a class="button primary" href="/login">{t("login.do")}</a></p>
    </Leaf>
  );
}

export function Join({ code }) {
  useStore(language);
  const [done, setDone] = useState(null);
  const { data, error, reload } = useData(`/v1/join/${encodeURIComponent(code)}`);
  if (done) return <div class="single"><Done application={done} /></div>;
  if (error?.status === 404) return <div class="single"><Leaf title={t("join.missing")} lead={t("join.missing_text")} /></div>;
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <div class="single"><Leaf title={t("join.title")}><p><span class="skeleton" /></p></Leaf></div>;
  return <div class="join"><Offer program={data.program} terms={data.terms} /><Registration code={code} terms={data.terms} onDone={setDone} /></div>;
}
