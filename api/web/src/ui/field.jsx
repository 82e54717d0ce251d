// Forms. useForm() holds values, errors by field and the wish's Idempotency-Key; fields find their form by context and need a name.
import { createContext } from "preact";
import { useContext, useEffect, useId, useRef, useState } from "preact/hooks";
import { ApiError } from "../lib/api.js";
import { t, told } from "../lib/i18n.js";
import { Icon } from "./icon.jsx";

export const FormContext = createContext(null);

/** What the reader is told of an error: our words where we have them, the API's otherwise. */
export function errorText(error) {
  if (!(error instanceof ApiError)) return t("error.ours");
  if (error.retryAfter) return t("error.later", { n: error.retryAfter });
  const key = `error.${error.code}`;
  return told(key) ? t(key) : error.message || t("error.ours");
}

/**
 * {values, set, errors, failure, busy, submit}. `send(values, key)` does it; `key` stays the same until it succeeds or the values
 * change, so that a repetition after a lost answer does nothing twice. `check(values)` gives errors by field before anything is sent.
 */
export function useForm(initial, send, check) {
  const [values, setValues] = useState(initial);
  const [errors, setErrors] = useState({});
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const key = useRef(null);

  function set(changes) {
    key.current = null;
    setValues((old) => ({ ...old, ...changes }));
    setErrors((old) => Object.fromEntries(Object.entries(old).filter(([name]) => !(name in changes))));
  }

  function refuse(error) {
    if (error instanceof ApiError && error.code in values) setErrors({ [error.code]: error.message });
    else setFailure(error);
  }

  async function submit(event) {
    event?.preventDefault();
    if (busy) return;
    const found = check?.(values) ?? {};
    setErrors(found);
    setFailure(null);
    if (Object.keys(found).length) return;
    setBusy(true);
    key.current ??= crypto.randomUUID();
    try {
      await send(values, key.current);
      key.current = null;
    } catch (error) {
      refuse(error);
    } finally {
      setBusy(false);
    }
  }

  return { values, set, errors, failure, busy, submit };
}

/** The form element: says what failed, and leads to the first wrong field. */
export function Form({ form, children, label }) {
  const root = useRef();
  const wrong = Object.keys(form.errors).length;
  useEffect(() => {
    if (wrong) root.current.querySelector("[aria-invalid=true]")?.focus();
  }, [form.errors]);
  return (
    <FormContext.Provider value={form}>
      <form ref={root} class="form" noValidate onSubmit={form.submit} aria-label={label}>
        {form.failure && <Notice kind="bad" role="alert">{errorText(form.failure)}</Notice>}
        {children}
      </form>
    </FormContext.Provider>
  );
}

/** A label, its control, a hint and what is wrong. `children(attributes)` draws the control. */
export function Field({ name, label, hint, optional, children }) {
  const id = useId();
  const error = useContext(FormContext)?.errors[name];
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  return (
    <div class={`field ${error ? "wrong" : ""}`}>
      <label for={id}>{label}{optional && <span class="field-optional">{t("field.optional")}</span>}</label>
      {children({ id, name, "aria-describedby": described, "aria-invalid": error ? "true" : undefined })}
      {hint && <p class="field-hint" id={`${id}-hint`}>{hint}</p>}
      {error && <p class="field-error" id={`${id}-error`}><Icon name="warning" />{error}</p>}
    </div>
  );
}

export function TextField({ name, label, hint, optional, lines, ...rest }) {
  const form = useContext(FormContext);
  const Control = lines ? "textarea" : "input";
  return (
    <Field name={name} label={label} hint={hint} optional={optional}>
      {(attributes) => (
        <Control {...attributes} rows={lines} value={form.values[name] ?? ""} onInput={(event) => form.set({ [name]: event.currentTarget.value })} {...rest} />
      )}
    </Field>
  );
}

/** A choice out of [value, text] pairs. */
export function SelectField({ name, label, hint, optional, options, ...rest }) {
  const form = useContext(FormContext);
  return (
    <Field name={name} label={label} hint={hint} optional={optional}>
      {(attributes) => <Select {...attributes} options={options} value={form.values[name]} onChange={(value) => form.set({ [name]: value })} {...rest} />}
    </Field>
  );
}

export function CheckField({ name, label, hint }) {
  const form = useContext(FormContext);
  const id = useId();
  const error = form.errors[name];
  return (
    <div class={`field check ${error ? "wrong" : ""}`}>
      <label>
        <input type="checkbox" name={name} checked={!!form.values[name]} aria-invalid={error ? "true" : undefined}
          aria-describedby={error ? `${id}-error` : undefined} onChange={(event) => form.set({ [name]: event.currentTarget.checked })} />
        <span>{label}</span>
      </label>
      {hint && <p class="field-hint">{hint}</p>}
      {error && <p class="field-error" id={`${id}-error`}><Icon name="warning" />{error}</p>}
    </div>
  );
}

/** A select outside of forms too: `options` are [value, text] pairs, `onChange(value)`. */
export function Select({ options, value, onChange, ...rest }) {
  return (
    <span class="select">
      <select {...rest} value={value ?? ""} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([key, text]) => <option key={key} value={key} selected={String(key) === String(value ?? "")}>{text}</option>)}
      </select>
    </span>
  );
}

export function Submit({ children, kind = "primary" }) {
  const form = useContext(FormContext);
  return <Button type="submit" kind={kind} busy={form.busy}>{children}</Button>;
}

export function Button({ kind = "plain", busy = false, icon, children, class: extra = "", ...rest }) {
  return (
    <button type="button" class={`button ${kind} ${extra}`} aria-disabled={busy ? "true" : undefined} aria-busy={busy ? "true" : undefined} {...rest}>
      {icon && <Icon name={icon} />}{children}
    </button>
  );
}

/** A button that is only a drawing: its name is said and shown on hover. */
export function IconButton({ icon, label, ...rest }) {
  return <button type="button" class="button icon-button" aria-label={label} title={label} {...rest}><Icon name={icon} /></button>;
}

export function Notice({ kind = "plain", children, ...rest }) {
  return <div class={`notice ${kind}`} {...rest}><Icon name={kind === "good" ? "check" : kind === "plain" ? "info" : "warning"} /><div>{children}</div></div>;
}

/** One of a few, side by side: [value, text] pairs. */
export function Segments({ label, options, value, onChange }) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{label}</legend>
      {options.map(([key, text]) => (
        <label key={key} class={key === value ? "chosen" : ""}>
          <input type="radio" name={name} value={key} checked={key === value} onChange={() => onChange(key)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
