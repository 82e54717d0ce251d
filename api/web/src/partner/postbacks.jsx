// Where the partner's own system is told of its orders: a URL with macros, seen filled in before it is saved.
import { useEffect, useRef, useState } from "preact/hooks";
import { patch, post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { CopyText } from "../ui/copy.jsx";
import { Dialog, toast } from "../ui/dialog.jsx";
import { Button, errorText, Form, SelectField, Submit, TextField, useForm } from "../ui/field.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Empty, ListTable } from "../ui/table.jsx";
import { Status } from "../ui/value.jsx";
import { usePrograms } from "./programs.jsx";

const EVENTS = ["created", "approved", "declined", "refunded", "available"];
const MACROS = ["click_id", "sub1", "event", "status", "reason", "conversion_id", "order_id", "order_sum", "payout", "currency", "promo_code", "utm_source", "country", "device", "timestamp"];
const PREVIEW_MS = 400;

/** The URL as it would be asked, from the API; null while it is not asked, {error} where it is wrong. */
function usePreview(url, event) {
  const [preview, setPreview] = useState(null);
  useEffect(() => {
    let current = true;
    if (!url.trim()) setPreview(null);
    const timer = url.trim() && setTimeout(() => {
      post("/v1/postbacks/preview", { url: url.trim(), event }).then((told) => current && setPreview(told), (error) => current && setPreview({ error }));
    }, PREVIEW_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [url, event]);
  return preview;
}

function Events({ form }) {
  const { events } = form.values;
  const turn = (event, on) => form.set({ events: EVENTS.filter((one) => (one === event ? on : events.includes(one))) });
  return (
    <fieldset class="group">
      <legend>{t("postback.events")}</legend>
      {EVENTS.map((event) => (
        <label key={event} class="choice"><input type="checkbox" checked={events.includes(event)} onChange={(change) => turn(event, change.currentTarget.checked)} /><span>{t(`postback.event.${event}`)}</span></label>
      ))}
      {form.errors.events && <p class="field-error">{form.errors.events}</p>}
    </fieldset>
  );
}

function PostbackDialog({ postback, programs, onClose, onDone }) {
  const form = useForm(
    { name: postback?.name ?? "", url: postback?.url ?? "", events: postback?.events ?? ["approved"], program_id: postback?.program_id ?? "" },
    async ({ name, url, events, program_id: program }, key) => {
      const body = { url: url.trim(), events, name: name.trim() || null, program_id: program ? Number(program) : null };
      if (postback) await patch(`/v1/postbacks/${postback.id}`, body);
      else await post("/v1/postbacks", Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)), key);
      toast(t("postback.saved"));
      onDone();
    },
    ({ url, events }) => ({ ...(!url.trim() && { url: t("field.needed") }), ...(!events.length && { events: t("postback.events_needed") }) }));
  const root = useRef();
  const { url, events } = form.values;
  const preview = usePreview(url, events[0] ?? "approved");
  function insert(macro) {
    const field = root.current.querySelector("textarea[name=url]");
    const at = field.selectionEnd ?? url.length;
    form.set({ url: `${url.slice(0, at)}{${macro}}${url.slice(at)}` });
    field.focus();
  }
  return (
    <Dialog wide title={t(postback ? "postback.change" : "postback.new")} onClose={onClose}>
      <div ref={root}>
        <Form form={form} label={t("postbacks.title")}>
          <TextField name="url" label={t("postback.url")} hint={t("postback.url_hint")} lines={3} spellcheck={false} autofocus />
          <div class="macros" role="group" aria-label={t("postback.macros")}>
            {MACROS.map((macro) => <button key={macro} type="button" class="macro" onClick={() => insert(macro)}>{`{${macro}}`}</button>)}
          </div>
          {preview && (
            <div class="preview" aria-live="polite">
              <h3>{t("postback.preview")}</h3>
              {preview.error ? <p class="field-error">{errorText(preview.error)}</p> : <CopyText text={preview.url} label={t("postback.preview")} lines />}
            </div>
          )}
          <Events form={form} />
          <div class="form-row">
            {programs?.length > 1 && <SelectField name="program_id" label={t("field.program")} options={[["", t("filter.all_programs")], ...programs.map(({ id, name }) => [id, name])]} />}
            <TextField name="name" label={t("field.name")} optional maxLength={200} />
          </div>
          <div class="form-foot"><Submit>{t("postback.save")}</Submit></div>
        </Form>
      </div>
    </Dialog>
  );
}

export function Postbacks() {
  const programs = usePrograms();
  const [shown, setShown] = useState(null);
  const list = useList("/v1/postbacks");
  async function turn(postback) {
    try {
      await patch(`/v1/postbacks/${postback.id}`, { status: postback.status === "active" ? "paused" : "active" });
      list.reload();
    } catch (error) {
      toast(errorText(error), "bad");
    }
  }
  const columns = [
    { key: "name", title: t("field.name"), kind: "main", cell: (row) => <>{row.name ?? t("postback.unnamed", { id: row.id })}<small>{row.program_id ? programs.name(row.program_id) : t("filter.all_programs")}</small></> },
    { key: "url", title: t("postback.url"), cell: (row) => <code class="long">{row.url}</code> },
    { key: "events", title: t("postback.events"), cell: (row) => row.events.map((event) => t(`postback.event.${event}`)).join(", ") },
    { key: "status", title: t("field.status"), cell: (row) => <Status of={row.status} /> },
    { key: "change", title: "", kind: "actions", cell: (row) => (
      <>
        <Button kind="quiet" onClick={() => setShown(row)}>{t("postback.edit")}</Button>
        <Button kind="quiet" onClick={() => turn(row)}>{t(row.status === "active" ? "link.pause" : "link.resume")}</Button>
      </>) },
  ];
  const make = <Button kind="primary" icon="plus" onClick={() => setShown({})}>{t("postback.new")}</Button>;
  return (
    <Page title={t("postbacks.title")} lead={t("postbacks.lead")} actions={list.rows?.length > 0 && make}>
      <ListTable list={list} caption={t("postbacks.title")} columns={columns} rowClass={(row) => (row.status === "active" ? "" : "off")}
        empty={<Empty icon="postback" title={t("postbacks.empty")} action={make}>{t("postbacks.empty_text")}</Empty>} />
      <Section title={t("postback.macros")} lead={t("postback.macros_lead")}>
        <dl class="facts">{MACROS.map((macro) => <><dt><code>{`{${macro}}`}</code></dt><dd>{t(`macro.${macro}`)}</dd></>)}</dl>
      </Section>
      {shown && <PostbackDialog postback={shown.id ? shown : null} programs={programs.list} onClose={() => setShown(null)} onDone={() => { setShown(null); list.reload(); }} />}
    </Page>
  );
}
