// The person's own: name, password, where it is logged in, and how the pages look.
import { ApiError, post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { LANGUAGES, language, setLanguage, t } from "../lib/i18n.js";
import { passwordErrors } from "../lib/password.js";
import { me, session } from "../lib/session.js";
import { useStore } from "../lib/store.js";
import { setZone, zone, zones, zoneText } from "../lib/time.js";
import { PasswordPair } from "../open/password.jsx";
import { toast } from "./dialog.jsx";
import { Button, errorText, Form, Segments, Select, Submit, TextField, useForm } from "./field.jsx";
import { Page, Section, ThemeChoice } from "./shell.jsx";
import { ListTable } from "./table.jsx";
import { Time } from "./value.jsx";

function Password() {
  const form = useForm({ old: "", password: "", again: "" }, async ({ old, password }) => {
    await session.changePassword(old, password).catch((error) => {
      throw error.code === "login" ? new ApiError(error.status, "old", t("account.password_wrong")) : error;
    });
    form.set({ old: "", password: "", again: "" });
    toast(t("account.password_done"));
  }, (values) => (values.old ? passwordErrors(values) : { old: t("field.needed") }));
  return (
    <Form form={form} label={t("account.password")}>
      <TextField name="old" label={t("account.password_old")} type="password" autocomplete="current-password" />
      <PasswordPair />
      <div class="form-foot"><Submit>{t("account.password_set")}</Submit></div>
    </Form>
  );
}

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["YaBrowser/", "Yandex Browser"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]];

/** "Firefox, Linux", or what the browser called itself. */
function agentText(agent) {
  const known = [BROWSERS, SYSTEMS].map((list) => list.find(([mark]) => agent?.includes(mark))?.[1]).filter(Boolean);
  return known.join(", ") || agent || "–";
}

function Sessions() {
  const list = useList("/v1/sessions");
  async function end(one) {
    try {
      await post(`/v1/sessions/${one.id}/revoke`, {});
      toast(t("sessions.ended"));
      list.reload();
    } catch (error) {
      toast(errorText(error), "bad");
    }
  }
  const columns = [
    { key: "agent", title: t("sessions.browser"), kind: "main", cell: (one) => <>{agentText(one.agent)}{one.is_this && <small>{t("sessions.current")}</small>}</> },
    { key: "begun", title: t("sessions.since"), cell: (one) => <Time at={one.created_at} /> },
    { key: "until", title: t("sessions.until"), cell: (one) => <Time at={one.expires_at} /> },
    { key: "end", title: "", kind: "actions", cell: (one) => !one.is_this && <Button kind="quiet" onClick={() => end(one)}>{t("sessions.end")}</Button> },
  ];
  return <ListTable list={list} caption={t("sessions.title")} columns={columns} empty={<p class="muted">{t("sessions.none")}</p>} />;
}

function Taste() {
  const names = { en: "English", ru: "Русский" };
  const asker = useStore(me);
  const choose = (wanted) => (asker.person ? session.change({ language: wanted }) : setLanguage(wanted));
  return (
    <dl class="facts">
      <dt>{t("account.language")}</dt>
      <dd><Segments label={t("account.language")} value={useStore(language)} onChange={choose} options={LANGUAGES.map((one) => [one, names[one]])} /></dd>
      <dt>{t("theme.label")}</dt>
      <dd><ThemeChoice /></dd>
      <dt>{t("account.zone")}</dt>
      <dd><Select aria-label={t("account.zone")} value={useStore(zone)} onChange={setZone} options={zones().map((name) => [name, name === zone.get() ? zoneText(name) : name.replace(/_/g, " ")])} /></dd>
    </dl>
  );
}

export function Account() {
  const asker = useStore(me);
  const { person, partner } = asker;
  return (
    <Page title={t("account.title")} lead={person && <>{person.name} · {person.email}{partner && <> · {partner.name}</>}</>}
      actions={<Button icon="logout" onClick={session.logout}>{t("nav.logout")}</Button>}>
      <Section title={t("account.taste")}><Taste /></Section>
      {person && <Section title={t("account.password")}><div class="narrow"><Password /></div></Section>}
      {person && <Section title={t("sessions.title")} lead={t("sessions.lead")}><Sessions /></Section>}
    </Page>
  );
}
