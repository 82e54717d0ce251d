// The partner's API keys. A key is shown once, when it is made.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { session } from "../lib/session.js";
import { CopyText } from "../ui/copy.jsx";
import { confirmed, Dialog, toast } from "../ui/dialog.jsx";
import { Button, errorText, Form, Notice, Submit, TextField, useForm } from "../ui/field.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";

function KeyDialog({ onClose, onMade }) {
  const [made, setMade] = useState(null);
  const form = useForm({ name: "" }, async ({ name }, key) => {
    setMade(await post("/v1/keys", { name: name.trim() }, key));
    onMade();
    session.renew();
  }, ({ name }) => (name.trim() ? {} : { name: t("field.needed") }));
  if (made) {
    return (
      <Dialog title={t("keys.made", { name: made.name })} onClose={onClose} actions={<Button kind="primary" onClick={onClose}>{t("keys.kept")}</Button>}>
        <div class="stack">
          <Notice kind="waiting">{t("keys.once")}</Notice>
          <CopyText text={made.key} label={t("keys.key")} lines />
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={t("keys.new")} onClose={onClose}>
      <Form form={form} label={t("keys.new")}>
        <TextField name="name" label={t("field.name")} hint={t("keys.name_hint")} maxLength={200} autofocus />
        <div class="form-foot"><Submit>{t("keys.make")}</Submit></div>
      </Form>
    </Dialog>
  );
}

export function Keys() {
  const [making, setMaking] = useState(false);
  const list = useList("/v1/keys");
  async function revoke(key) {
    if (!(await confirmed({ title: t("keys.revoke_title", { name: key.name }), text: t("keys.revoke_text"), yes: t("keys.revoke"), danger: true }))) return;
    try {
      await post(`/v1/keys/${key.id}/revoke`, {});
      toast(t("keys.revoked"));
      list.reload();
    } catch (error) {
      toast(errorText(error), "bad");
    }
  }
  const columns = [
    { key: "name", title: t("field.name"), kind: "main", cell: (key) => key.name },
    { key: "status", title: t("field.status"), cell: (key) => <Status of={key.revoked_at ? "revoked" : "live"} /> },
    { key: "created", title: t("field.created"), cell: (key) => <Time at={key.created_at} /> },
    { key: "revoked", title: t("keys.revoked_at"), cell: (key) => <Time at={key.revoked_at} /> },
    { key: "revoke", title: "", kind: "actions", cell: (key) => !key.revoked_at && <Button kind="quiet" onClick={() => revoke(key)}>{t("keys.revoke")}</Button> },
  ];
  const make = <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>{t("keys.new")}</Button>;
  return (
    <Page title={t("keys.title")} lead={t("keys.lead")} actions={make}>
      <ListTable list={list} caption={t("keys.title")} columns={columns} rowClass={(key) => (key.revoked_at ? "off" : "")}
        empty={<Empty icon="key" title={t("keys.empty")} action={make}>{t("keys.empty_text")}</Empty>} />
      <Section title={t("keys.how")}>
        <CopyText text={`curl -H "Authorization: Bearer KEY" ${location.origin}/v1/stats`} label={t("keys.how")} />
        <p class="muted">{t("keys.docs")} <a href="/v1/openapi.json" target="_blank" rel="noreferrer">/v1/openapi.json</a></p>
      </Section>
      {making && <KeyDialog onClose={() => setMaking(false)} onMade={list.reload} />}
    </Page>
  );
}
