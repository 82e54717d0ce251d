// Terms as sentences.
import { t } from "../lib/i18n.js";
import { moneyText, rateText } from "../lib/money.js";

/** "10 % of the order", "300 ₽ for an order", or both. */
function rateOf(terms, currency) {
  const parts = [];
  if (terms.rate_ppm) parts.push(t("terms.percent", { rate: rateText(terms.rate_ppm) }));
  if (terms.fixed_minor) parts.push(t("terms.fixed", { sum: moneyText(terms.fixed_minor, currency) }));
  return parts.join(" + ") || t("terms.by_rules");
}

export function TermsFacts({ terms, currency }) {
  return (
    <dl class="facts">
      <dt>{t("terms.rate")}</dt><dd><b>{rateOf(terms, currency)}</b></dd>
      <dt>{t("terms.window")}</dt><dd>{t("days", { n: terms.window_days })}</dd>
      <dt>{t("terms.hold")}</dt><dd>{terms.hold_days ? t("terms.hold_days", { n: terms.hold_days }) : t("terms.no_hold")}</dd>
      <dt>{t("terms.precedence")}</dt><dd>{t(`precedence.${terms.precedence}`)}</dd>
      {terms.rules?.length > 0 && <><dt>{t("terms.rules")}</dt><dd>{t("terms.rules_count", { n: terms.rules.length })}</dd></>}
    </dl>
  );
}
