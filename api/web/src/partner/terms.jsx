// The terms that are offered to the partner: what is in force, what waits to be accepted. Exactly the version that was read is accepted.
import { post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { toast } from "../ui/dialog.jsx";
import { Button, errorText, Notice } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Empty, Items } from "../ui/table.jsx";
import { Time } from "../ui/value.jsx";
import { usePrograms } from "./programs.jsx";
import { TermsFacts } from "./terms_text.jsx";

function Offer({ offer, program, onAccept }) {
  const { terms, accepted_at: acceptedAt, in_force: inForce } = offer;
  const waits = terms.needs_acceptance && !acceptedAt;
  return (
    <li class={`offer ${inForce ? "" : "off"}`}>
      <header>
        <h2>{program?.name ?? `#${terms.program_id}`}</h2>
        <p>{t(terms.partner_id ? "terms.version_own" : "terms.version", { n: terms.version })} · {t("terms.since")} <Time at={terms.effective_from} date />
          {inForce && <> · <span class="status good">{t("terms.in_force")}</span></>}</p>
      </header>
      <TermsFacts terms={terms} currency={program?.currency ?? "RUB"} />
      {acceptedAt && <p class="muted">{t("terms.accepted")} <Time at={acceptedAt} /></p>}
      {waits && (
        <Notice kind="waiting">
          <p>{t("terms.waits")}</p>
          <Button kind="primary" onClick={() => onAccept(terms)}>{t("terms.accept", { n: terms.version })}</Button>
        </Notice>
      )}
    </li>
  );
}

export function Terms() {
  const programs = usePrograms();
  const list = useList("/v1/terms");
  async function accept(terms) {
    try {
      await post(`/v1/terms/${terms.id}/accept`, { version: terms.version });
      toast(t("terms.done", { n: terms.version }));
      list.reload();
    } catch (error) {
      toast(errorText(error), "bad");
    }
  }
  return (
    <Page title={t("terms.title")} lead={t("terms.lead")}>
      <Items list={list} empty={<Empty icon="terms" title={t("terms.empty")}>{t("terms.empty_text")}</Empty>}>
        {(rows) => <ul class="offers">{rows.map((offer) => <Offer key={offer.terms.id} offer={offer} program={programs.of(offer.terms.program_id)} onAccept={accept} />)}</ul>}
      </Items>
    </Page>
  );
}
