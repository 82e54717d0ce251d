import { t } from "../lib/i18n.js";
import { TextField } from "../ui/field.jsx";
import { Wish } from "../ui/wish.jsx";

/** A reason that the partner reads. */
export function ReasonWish({ hint = t("team.reason.seen"), send, ...wish }) {
  return (
    <Wish {...wish} danger initial={{ reason: "" }} send={({ reason }, key) => send(reason.trim(), key)}
      check={({ reason }) => (reason.trim() ? {} : { reason: t("team.reason.needed") })}>
      <TextField name="reason" label={t("team.reason")} hint={hint} lines={3} maxLength={500} />
    </Wish>
  );
}
