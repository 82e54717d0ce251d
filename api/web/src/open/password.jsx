// A new password by the token of a letter (invitation or reset), which stands behind the # and so in no log; and the wish for such a letter.
import { useState } from "preact/hooks";
import { ask } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { homeOf, session } from "../lib/session.js";
import { navigate } from "../lib/router.js";
import { PASSWORD_MIN, passwordErrors } from "../lib/password.js";
import { Form, Notice, Submit, TextField, useForm } from "../ui/field.jsx";
import { Leaf } from "./leaf.jsx";

export function NewPassword() {
  const [token] = useState(() => decodeURIComponent(location.hash.slice(1)));
  const form = useForm({ password: "", again: "" },
    async ({ password }) => navigate(homeOf(await session.newPassword(token, password)), { replace: true }), passwordErrors);
  if (!token) {
    return (
      <Leaf title={t("password.new")}>
        <Notice kind="bad" role="alert">{t("password.no_token")}</Notice>
        <p class="leaf-links"><a href="/password/reset">{t("password.ask")}</a></p>
      </Leaf>
    );
  }
  return (
    <Leaf title={t("password.new")} lead={t("password.lead")}>
      <Form form={form} label={t("password.new")}>
        <PasswordPair />
        <div class="form-foot"><Submit>{t("password.set")}</Submit></div>
      </Form>
    </Leaf>
  );
}

export function PasswordPair() {
  return (
    <>
      <TextField name="password" label={t("field.password_new")} hint={t("field.password_hint", { n: PASSWORD_MIN })} type="password" autocomplete="new-password" />
      <TextField name="again" label={t("field.password_again")} type="password" autocomplete="new-password" />
    </>
  );
}

export function ResetPassword() {
  const [asked, setAsked] = useState(false);
  const form = useForm({ email: "" }, async ({ email }) => {
    await ask("POST", "/v1/password/reset", { body: { email: email.trim() }, quiet: true });
    setAsked(true);
  }, ({ email }) => (email.trim() ? {} : { email: t("field.needed") }));
  return (
    <Leaf title={t("password.reset")} lead={t("password.reset_lead")}>
      {asked
        ? <Notice kind="good" role="status">{t("password.sent")}</Notice>
        : (
          <Form form={form} label={t("password.reset")}>
            <TextField name="email" label={t("field.email")} type="email" autocomplete="username" spellcheck={false} />
            <div class="form-foot"><Submit>{t("password.ask")}</Submit></div>
          </Form>
        )}
      <p class="leaf-links"><a href="/login">{t("login.back")}</a></p>
    </Leaf>
  );
}
