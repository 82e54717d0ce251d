// What a new password must be; the API decides the same way.
import { t } from "./i18n.js";

export const PASSWORD_MIN = 10;

/** Errors of {password, again}. */
export function passwordErrors({ password, again }) {
  if ([...password].length < PASSWORD_MIN) return { password: t("field.password_short", { n: PASSWORD_MIN }) };
  return password === again ? {} : { again: t("field.password_differs") };
}
