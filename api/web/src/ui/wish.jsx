// A wish that needs a few words first: a dialog with a form, one or two fields, and what is said when it is done.
import { t } from "../lib/i18n.js";
import { Dialog, toast } from "./dialog.jsx";
import { Button, Form, Submit, useForm } from "./field.jsx";

/** `send(values, key)` does it; `check(values)` as useForm(); `done`: what the reader is told; `onDone(answer)` comes behind `onClose(answer)`. */
export function Wish({ title, lead, initial, send, check, done, does, danger, wide, onDone, onClose, children }) {
  const form = useForm(initial, async (values, key) => {
    const answer = await send(values, key);
    if (done) toast(typeof done === "function" ? done(answer) : done);
    onClose(answer);
    onDone?.(answer);
  }, check);
  return (
    <Dialog title={title} onClose={() => onClose()} wide={wide}>
      <Form form={form} label={title}>
        {lead && <p class="muted">{lead}</p>}
        {typeof children === "function" ? children(form) : children}
        <div class="form-foot"><Submit kind={danger ? "danger" : "primary"}>{does}</Submit><Button onClick={() => onClose()}>{t("dialog.cancel")}</Button></div>
      </Form>
    </Dialog>
  );
}

/** Errors of needed fields that are empty. */
export const needed = (...names) => (values) =>
  Object.fromEntries(names.filter((name) => !String(values[name] ?? "").trim()).map((name) => [name, t("field.needed")]));

/** The values without empty ones. */
export const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined));
