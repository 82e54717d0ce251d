import { useEffect } from "preact/hooks";
import { t } from "../lib/i18n.js";
import { navigate, place } from "../lib/router.js";
import { me, nextPage, session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { Form, Notice, Submit, TextField, useForm } from "../ui/field.jsx";
import { Leaf } from "./leaf.jsx";

export function Login() {
  const asker = useStore(me);
  const { query } = useStore(place);
  const form = useForm({ email: query.email ?? "", password: "" }, ({ email, password }) => session.login(email.trim(), password),
    ({ email, password }) => ({ ...(!email.trim() && { email: t("field.needed") }), ...(!password && { password: t("field.needed") }) }));
  useEffect(() => {
    if (asker) navigate(nextPage(asker), { replace: true });
  }, [asker]);
  return (
    <Leaf title={t("login.title")} lead={t("login.lead")}>
      {query.ended && !form.failure && <Notice>{t("login.ended")}</Notice>}
      <Form form={form} label={t("login.title")}>
        <TextField name="email" label={t("field.email")} type="email" autocomplete="username" inputMode="email" spellcheck={false} autofocus />
        <TextField name="password" label={t("field.password")} type="password" autocomplete="current-password" />
        <div class="form-foot"><Submit>{t("login.do")}</Submit></div>
      </Form>
      <p class="leaf-links"><a href="/password/reset">{t("login.forgotten")}</a></p>
    </Leaf>
  );
}
