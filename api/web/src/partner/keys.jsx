// The partner's API keys.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { session } from "../lib/session.js";
import { CopyText } from "../ui/copy.jsx";
import { Button } from "../ui/field.jsx";
import { KeyTable, NewKey, WaitingKey } from "../ui/keys.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Empty } from "../ui/table.jsx";

export function Keys() {
  const [making, setMaking] = useState(false);
  const [showing, setShowing] = useState(null);
  const list = useList("/v1/keys");
  function made() {
    list.reload();
    session.renew(); // the first key is due no more
  }
  const make = <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>{t("keys.new")}</Button>;
  return (
    <Page title={t("keys.title")} lead={t("keys.lead")} actions={list.rows?.length > 0 && make}>
      <KeyTable list={list} onShow={setShowing} empty={<Empty icon="key" title={t("keys.empty")} action={make}>{t("keys.empty_text")}</Empty>} />
      <Section title={t("keys.how")}>
        <CopyText text={`curl -H "Authorization: Bearer KEY" ${location.origin}/v1/stats`} label={t("keys.how")} />
        <p class="muted">{t("keys.docs")} <a href="/v1/openapi.json" target="_blank" rel="noreferrer">/v1/openapi.json</a></p>
      </Section>
      {making && <NewKey send={(values, key) => post("/v1/keys", values, key)} onMade={made} onClose={() => setMaking(false)} />}
      {showing && <WaitingKey id={showing.id} name={showing.name} onMade={made} onClose={() => setShowing(null)} />}
    </Page>
  );
}
