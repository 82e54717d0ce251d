// Text to take away: shown as it is, copied by one press.
import { useState } from "preact/hooks";
import { t } from "../lib/i18n.js";
import { toast } from "./dialog.jsx";
import { Button, IconButton } from "./field.jsx";

const TOLD_MS = 2000;

function useCopy(text) {
  const [done, setDone] = useState(false);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      toast(t("copy.done"));
      setTimeout(() => setDone(false), TOLD_MS);
    } catch {
      toast(t("copy.failed"), "bad");
    }
  }
  return [done, copy];
}

export function CopyButton({ text, label, small = false }) {
  const [done, copy] = useCopy(text);
  const icon = done ? "check" : "copy";
  return small
    ? <IconButton icon={icon} label={label ?? t("copy.do")} onClick={copy} />
    : <Button icon={icon} onClick={copy}>{label ?? t("copy.do")}</Button>;
}

/** A line, or several, of text for a machine. */
export function CopyText({ text, label, lines = false }) {
  return (
    <div class={`copy ${lines ? "lines" : ""}`}>
      <code tabIndex={0} aria-label={label}>{text}</code>
      <CopyButton text={text} small label={label ? t("copy.of", { what: label }) : undefined} />
    </div>
  );
}
