// One conversion, and why it earned what it earned.
import { useData, FRESH_MS } from "../lib/data.js";
import { language, t } from "../lib/i18n.js";
import { useReasons } from "../lib/reasons.js";
import { useStore } from "../lib/store.js";
import { Explained } from "../ui/explained.jsx";
import { Notice } from "../ui/field.jsx";
import { Page } from "../ui/shell.jsx";
import { Failure, Waiting } from "../ui/table.jsx";
import { Status } from "../ui/value.jsx";
import { linkName, useLinks, usePrograms } from "./programs.jsx";

const BACK = { path: "/cabinet/conversions", text: "conversions.title" };

export function Conversion({ id }) {
  const links = useLinks();
  const programs = usePrograms();
  const reasons = useReasons();
  const back = { ...BACK, text: t(BACK.text) };
  const wanted = /^\d+$/.test(id);
  const conversion = useData(wanted ? `/v1/conversions/${id}` : null, {}, { every: FRESH_MS });
  const explain = useData(wanted ? `/v1/conversions/${id}/explain` : null, { lang: useStore(language) }, { every: FRESH_MS });
  if (!wanted || conversion.error?.status === 404) return <Page title={t("missing.title")} lead={t("conversion.missing")} back={back} />;
  const error = conversion.error ?? explain.error;
  const row = conversion.data;
  const answer = explain.data?.explanations?.[0];
  return (
    <Page title={row ? t("conversion.title", { number: row.order_id ?? row.id }) : t("conversions.title")} back={back}
      lead={row && <>{programs.name(row.program_id)} · <Status of={row.status} /></>}>
      {error && <Failure error={error} retry={() => { conversion.reload(); explain.reload(); }} />}
      {answer && <Explained of={answer.explanation} text={answer.text} linkText={(number) => linkName(links.get(number))} reason={reasons.text} />}
      {explain.data && !answer && <Notice>{t("explain.soon")}</Notice>}
      {!explain.data && !error && <Waiting />}
    </Page>
  );
}
