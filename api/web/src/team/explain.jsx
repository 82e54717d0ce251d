// Why an order earned what it earned: what each concerned partner sees of it.
import { useData } from "../lib/data.js";
import { language, t } from "../lib/i18n.js";
import { Dialog } from "../ui/dialog.jsx";
import { Explained } from "../ui/explained.jsx";
import { Failure, Waiting } from "../ui/table.jsx";
import { PartnerName } from "./choice.jsx";

export function Explain({ conversion, reason, onClose }) {
  const { data, error, reload } = useData(`/v1/conversions/${conversion.id}/explain`, { lang: language.get() });
  return (
    <Dialog wide title={t("team.explain.title", { order: conversion.order_id })} onClose={onClose}>
      {error && <Failure error={error} retry={reload} />}
      {!data && !error && <Waiting />}
      {data && !data.explanations.length && <p>{t("team.explain.none")}</p>}
      {data?.explanations.map(({ partner_id, explanation, text }) => (
        <section key={partner_id} class="explained">
          <h3><PartnerName id={partner_id} /></h3>
          <Explained of={explanation} text={text} reason={reason} />
        </section>
      ))}
    </Dialog>
  );
}
