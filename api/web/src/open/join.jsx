// Registration: the programme's offer in force, and the form that accepts exactly this version.
import { useState } from "preact/hooks";
import { ask } from "../lib/api.js";
import { useData } from "../lib/data.js";
import { language, t } from "../lib/i18n.js";
import { address } from "../lib/router.js";
import { PASSWORD_MIN } from "../lib/password.js";
import { useStore } from "../lib/store.js";
import { CheckField, Form, Notice, Submit, TextField, useForm } from "../ui/field.jsx";
import { Failure, Waiting } from "../ui/table.jsx";
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
  const [rate, ...rest] = terms.text.split("\n");
  return (
    <Leaf title={program.name} lead={t("join.lead")}>
      <div class="offer-told">
        <h2>{t("join.offer")}</h2>
        <p class="muted">{t("terms.version", { n: terms.version })} · {t("terms.since")} <Time at={terms.effective_from} date /></p>
        <p class="offer-rate">{rate}</p>
        <ul class="offer-text">{rest.map((line) => <li key={line}>{line}</li>)}</ul>
      </div>
    </Leaf>
  );
}

function Registration({ code, terms, onDone }) {
  const form = useForm({ name: "", email: "", password: "", site: "", message: "", accepted: false }, async (values) => {
    const { name, email, password, site, message } = values;
    await ask("POST", `/v1/join/${encodeURIComponent(code)}`, { quiet: true, body: {
      name: name.trim(), email: email.trim(), password, site: site.trim(), ...(message.trim() && { message: message.trim() }),
      language: language.get(), terms_id: terms.id, terms_version: terms.version } });
    onDone(values.email.trim());
  }, check);
  return (
    <Leaf title={t("join.title")}>
      <Form form={form} label={t("join.title")}>
        <TextField name="name" label={t("join.name")} hint={t("join.name_hint")} autocomplete="organization" maxLength={200} />
        <TextField name="email" label={t("field.email")} type="email" autocomplete="username" spellcheck={false} />
        <TextField name="password" label={t("field.password")} hint={t("field.password_hint", { n: PASSWORD_MIN })} type="password" autocomplete="new-password" />
        <TextField name="site" label={t("join.site")} hint={t("join.site_hint")} inputMode="url" spellcheck={false} maxLength={2048} />
        <TextField name="message" label={t("join.message")} hint={t("join.message_hint")} optional lines={3} maxLength={2000} />
        <CheckField name="accepted" label={t("join.accept", { n: terms.version })} />
        <div class="form-foot"><Submit>{t("join.do")}</Submit></div>
      </Form>
      <p class="leaf-links"><a href="/login">{t("join.have")}</a></p>
    </Leaf>
  );
}

function Done({ email }) {
  return (
    <Leaf title={t("join.received")}>
      <Notice kind="good" role="status">{t("join.received_text")}</Notice>
      <p class="leaf-links"><a class="button primary" href={address("/login", { email })}>{t("login.do")}</a></p>
    </Leaf>
  );
}

export function Join({ code }) {
  const [done, setDone] = useState(null);
  const { data, error, reload } = useData(`/v1/join/${encodeURIComponent(code)}`, { lang: useStore(language) });
  if (done) return <div class="single"><Done email={done} /></div>;
  if (error?.status === 404) return <div class="single"><Leaf title={t("join.missing")} lead={t("join.missing_text")} /></div>;
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <div class="single"><Leaf title={t("join.title")}><Waiting /></Leaf></div>;
  if (!data.terms) return <div class="single"><Leaf title={data.program.name} lead={t("join.no_offer")} /></div>;
  return <div class="join"><Offer program={data.program} terms={data.terms} /><Registration code={code} terms={data.terms} onDone={setDone} /></div>;
}
