// Where the partner's own system is told of conversions. (The API's routes for it arrive with the partner's settings.)
import { t } from "../lib/i18n.js";
import { Page } from "../ui/shell.jsx";

export function Postbacks() {
  return <Page title={t("postbacks.title")} lead={t("postbacks.lead")} />;
}
