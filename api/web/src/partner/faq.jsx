import { t } from "../lib/i18n.js";
import { Page } from "../ui/shell.jsx";

const QUESTIONS = ["when", "pending", "not_counted", "declined", "code", "window", "payout", "numbers", "sub", "postback", "zone", "paused"];

export function Faq() {
  return (
    <Page title={t("faq.title")} lead={t("faq.lead")}>
      <div class="faq">
        {QUESTIONS.map((name) => (
          <details key={name} name="faq" id={name}>
            <summary>{t(`faq.${name}`)}</summary>
            <p>{t(`faq.${name}_answer`)}</p>
          </details>
        ))}
      </div>
    </Page>
  );
}
