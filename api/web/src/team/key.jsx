// A key that was just made: shown once, never again.
import { t } from "../lib/i18n.js";
import { CopyText } from "../ui/copy.jsx";
import { Dialog } from "../ui/dialog.jsx";
import { Button, Notice } from "../ui/field.jsx";

export function KeyShown({ made, onClose }) {
  return (
    <Dialog title={t("team.key.made")} onClose={onClose} actions={<Button kind="primary" onClick={onClose}>{t("dialog.close")}</Button>}>
      <div class="stack"><Notice kind="waiting">{t("team.key.once")}</Notice><CopyText text={made.key} label={t("team.key")} /></div>
    </Dialog>
  );
}
