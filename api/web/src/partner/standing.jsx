// What keeps the partner from earning, said on every page: an application that waits or was declined, a pause.
import { useData } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { me } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { Notice } from "../ui/field.jsx";

const KINDS = { pending: "waiting", paused: "waiting", declined: "bad" };

/** The first key was made when the partner became active; only the partner may see it. */
function FirstKey() {
  return <Notice kind="good"><p><b>{t("standing.first_key")}</b> {t("standing.first_key_text")}</p><a href="/cabinet/keys">{t("keys.title")}</a></Notice>;
}

export function Standing() {
  const asker = useStore(me);
  const status = asker?.partner?.status;
  const { data } = useData(status in KINDS && status !== "paused" ? "/v1/applications" : null, { limit: 1 });
  if (asker?.first_key_due) return <div class="standing"><FirstKey /></div>;
  if (!(status in KINDS)) return null;
  const reason = data?.data[0]?.reason;
  return (
    <div class="standing">
      <Notice kind={KINDS[status]}>
        <p><b>{t(`standing.${status}`)}</b> {t(`standing.${status}_text`)}</p>
        {reason && <p>{reason}</p>}
      </Notice>
    </div>
  );
}
