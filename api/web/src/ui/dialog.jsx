// Dialogs and toasts: the browser's own <dialog>, and one polite live region.
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../lib/i18n.js";
import { store, useStore } from "../lib/store.js";
import { Button, IconButton } from "./field.jsx";
import { Icon } from "./icon.jsx";

const TOAST_MS = 6000;

/** Shown as long as it is rendered; Escape, the cross and the backdrop ask `onClose` to stop rendering it. */
export function Dialog({ title, onClose, children, actions, wide = false }) {
  const root = useRef();
  const id = useId();
  useEffect(() => {
    const asked = document.activeElement;
    root.current.showModal();
    return () => asked?.isConnected && asked.focus();
  }, []);
  return (
    <dialog ref={root} class={`dialog ${wide ? "wide" : ""}`} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }}
      onClick={(event) => event.target === root.current && onClose()}>
      <div class="dialog-leaf">
        <header><h2 id={id}>{title}</h2><IconButton icon="close" label={t("dialog.close")} onClick={onClose} /></header>
        <div class="dialog-body">{children}</div>
        {actions && <footer>{actions}</footer>}
      </div>
    </dialog>
  );
}

const question = store(null);

/** Asks the reader: resolves to whether the answer was yes. */
export function confirmed({ title, text, yes, danger = false }) {
  return new Promise((answer) => question.set({ title, text, yes, danger, answer }));
}

const toasts = store([]);
let toastId = 0;

export function toast(text, kind = "good") {
  const one = { id: ++toastId, text, kind };
  toasts.set([...toasts.get(), one]);
  setTimeout(() => toasts.set(toasts.get().filter((other) => other !== one)), TOAST_MS);
}

/** Where questions and toasts appear; once in the page. */
export function Overlays() {
  const asked = useStore(question);
  const shown = useStore(toasts);
  const answer = (yes) => {
    question.set(null);
    asked.answer(yes);
  };
  return (
    <>
      {asked && (
        <Dialog title={asked.title} onClose={() => answer(false)} actions={
          <>
            <Button onClick={() => answer(false)}>{t("dialog.cancel")}</Button>
            <Button kind={asked.danger ? "danger" : "primary"} onClick={() => answer(true)}>{asked.yes}</Button>
          </>}>
          <p>{asked.text}</p>
        </Dialog>
      )}
      <div class="toasts" role="status" aria-live="polite">
        {shown.map(({ id, text, kind }) => (
          <p key={id} class={`toast ${kind}`}><Icon name={kind === "good" ? "check" : "warning"} />{text}</p>
        ))}
      </div>
    </>
  );
}
