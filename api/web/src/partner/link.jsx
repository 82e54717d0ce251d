// The link builder: where a link leads and what it carries; the address to give out is seen while it is built.
import { useEffect, useState } from "preact/hooks";
import { patch, post } from "../lib/api.js";
import { useData } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { address, navigate, place } from "../lib/router.js";
import { confirmed, toast } from "../ui/dialog.jsx";
import { CopyButton, CopyText } from "../ui/copy.jsx";
import { Button, errorText, Form, SelectField, Submit, TextField, useForm } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Failure, Waiting } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { linkStatus } from "./links.jsx";
import { linkName, trackerUrl, usePrograms } from "./programs.jsx";
import { QrCode } from "./qr.jsx";

const SUBS = Array.from({ length: 10 }, (_, i) => `sub${i + 1}`);
const UTMS = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];
const FIRST_SUBS = 2;

const parametersOf = (values) => Object.fromEntries([...SUBS, ...UTMS, "erid"].map((name) => [name, (values[name] ?? "").trim()]).filter(([, value]) => value));

/** The address with its parameters; a deep link overrides where it leads. */
function built(path, values) {
  const search = new URLSearchParams(parametersOf(values));
  if (values.to?.trim()) search.set("to", values.to.trim());
  return trackerUrl(path) + (search.size ? `?${String(search).replace(/\+/g, "%20")}` : "");
}

function Parameters({ values }) {
  const used = SUBS.findLastIndex((name) => values[name]) + 1;
  const [count, setCount] = useState(Math.max(FIRST_SUBS, used));
  return (
    <>
      <fieldset class="group">
        <legend>{t("link.subs")}</legend>
        <p class="field-hint">{t("link.subs_hint")}</p>
        <div class="form-row">{SUBS.slice(0, count).map((name) => <TextField key={name} name={name} label={name} maxLength={512} spellcheck={false} />)}</div>
        {count < SUBS.length && <Button kind="quiet" icon="plus" onClick={() => setCount(count + 1)}>{t("link.sub_more")}</Button>}
      </fieldset>
      <details class="group" open={UTMS.some((name) => values[name]) || !!values.erid}>
        <summary>{t("link.utm")}</summary>
        <div class="form-row">{[...UTMS, "erid"].map((name) => <TextField key={name} name={name} label={name} maxLength={512} spellcheck={false} />)}</div>
      </details>
    </>
  );
}

function Share({ url, name, fresh }) {
  return (
    <aside class="share" aria-label={t("link.share")}>
      <h2>{t("link.share")}</h2>
      {fresh
        ? <p class="muted">{t("link.fresh")}</p>
        : (
          <>
            <CopyText text={url} label={t("links.url")} lines />
            <div class="row"><CopyButton text={url} label={t("link.copy")} /></div>
            <QrCode text={url} name={`link-${name}`} />
          </>
        )}
    </aside>
  );
}

const hostsHint = (program) => (program?.hosts?.length ? t("link.target_hint", { hosts: program.hosts.join(", ") }) : t("link.target_none"));

export function NewLink() {
  const programs = usePrograms();
  const wanted = place.get().query.program;
  const form = useForm({ program_id: wanted ?? "", name: "", target_url: "" }, async (values, key) => {
    const { program_id: program, name, target_url: target } = values;
    const parameters = parametersOf(values);
    const link = await post("/v1/links", {
      program_id: Number(program), ...(name.trim() && { name: name.trim() }), ...(target.trim() && { target_url: target.trim() }),
      ...(Object.keys(parameters).length && { parameters }) }, key);
    toast(t("link.made"));
    navigate(`/cabinet/links/${link.id}`);
  });
  const { values } = form;
  useEffect(() => {
    if (!values.program_id && programs.list?.length) form.set({ program_id: String(programs.list[0].id) });
  }, [programs.list]);
  return (
    <Page title={t("links.new")} lead={t("link.new_lead")} back={{ path: "/cabinet/links", text: t("links.title") }}>
      <div class="builder">
        <Form form={form} label={t("links.new")}>
          {programs.list?.length > 1 && <SelectField name="program_id" label={t("field.program")} options={programs.list.map(({ id, name }) => [id, name])} />}
          <TextField name="name" label={t("field.name")} hint={t("link.name_hint")} optional maxLength={200} />
          <TextField name="target_url" label={t("link.target")} hint={hostsHint(programs.of(Number(values.program_id)))} optional type="url" inputMode="url" spellcheck={false} />
          <Parameters values={values} />
          <div class="form-foot"><Submit>{t("link.make")}</Submit></div>
        </Form>
        <Share fresh />
      </div>
    </Page>
  );
}

async function setStatus(link, status, reload) {
  if (status === "paused" && !(await confirmed({ title: t("link.pause_title"), text: t("link.pause_text"), yes: t("link.pause"), danger: true }))) return;
  try {
    await patch(`/v1/links/${link.id}`, { status });
    toast(t(status === "paused" ? "link.paused" : "link.resumed"));
    reload();
  } catch (error) {
    toast(errorText(error), "bad");
  }
}

function LinkPage({ link, reload }) {
  const programs = usePrograms();
  const form = useForm({ name: link.name ?? "", target_url: link.target_url, to: "", ...link.parameters }, async (values) => {
    await patch(`/v1/links/${link.id}`, { name: values.name.trim() || null, target_url: values.target_url.trim(), parameters: parametersOf(values) });
    toast(t("link.saved"));
    reload();
  });
  const url = built(link.path, form.values);
  return (
    <Page title={linkName(link)} back={{ path: "/cabinet/links", text: t("links.title") }} actions={
      <>
        <a class="button" href={address("/cabinet", { link: link.id })}>{t("links.stats")}</a>
        {link.status === "active"
          ? <Button onClick={() => setStatus(link, "paused", reload)}>{t("link.pause")}</Button>
          : !link.held && <Button onClick={() => setStatus(link, "active", reload)}>{t("link.resume")}</Button>}
      </>}>
      <dl class="facts link-facts">
        <dt>{t("field.status")}</dt><dd><Status of={linkStatus(link)} />{link.held && <span class="muted"> {t("link.held")}</span>}</dd>
        <dt>{t("field.program")}</dt><dd>{programs.name(link.program_id)}</dd>
        <dt>{t("field.created")}</dt><dd><Time at={link.created_at} /></dd>
        {link.expires_at && <><dt>{t("link.expires")}</dt><dd><Time at={link.expires_at} /></dd></>}
        {link.click_cap && <><dt>{t("link.cap")}</dt><dd>{link.click_cap}</dd></>}
      </dl>
      <div class="builder">
        <Form form={form} label={linkName(link)}>
          <TextField name="name" label={t("field.name")} optional maxLength={200} />
          <TextField name="target_url" label={t("link.target")} hint={hostsHint(programs.of(link.program_id))} type="url" inputMode="url" spellcheck={false} />
          <Parameters values={form.values} />
          <div class="form-foot"><Submit>{t("link.save")}</Submit></div>
          <fieldset class="group">
            <legend>{t("link.deep")}</legend>
            <TextField name="to" label={t("link.to")} hint={t("link.to_hint")} optional type="url" inputMode="url" spellcheck={false} />
          </fieldset>
        </Form>
        <Share url={url} name={link.slug} />
      </div>
    </Page>
  );
}

export function Link({ id }) {
  const { data, error, reload } = useData("/v1/links", { link_id: id });
  if (error) return <Page title={t("links.title")}><Failure error={error} retry={reload} /></Page>;
  if (!data) return <Page title={t("links.title")}><Waiting /></Page>;
  const [link] = data.data;
  if (!link) return <Page title={t("missing.title")} lead={t("link.missing")} back={{ path: "/cabinet/links", text: t("links.title") }} />;
  return <LinkPage key={link.id} link={link} reload={reload} />;
}
