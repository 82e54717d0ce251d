// Keys of programs that ask the API. A key is shown once: when it is made, the first one when its partner asks for it.
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { CopyText } from "./copy.jsx";
import { confirmed, Dialog, toast } from "./dialog.jsx";
import { Button, errorText, Notice, TextField } from "./field.jsx";
import { ListTable } from "./table.jsx";
import { Status, Time } from "./value.jsx";
import { needed, Wish } from "./wish.jsx";

export function KeyShown({ made, onClose }) {
  return (
    <Dialog title={t("keys.made", { name: made.name })} onClose={onClose} actions={<Button kind="primary" onClick={onClose}>{t("keys.kept")}</Button>}>
      <div class="stack"><Notice kind="waiting">{t("keys.once")}</Notice><CopyText text={made.key} label={t("keys.key")} lines /></div>
    </Dialog>
  );
}

/** A wish whose answer is a key, which is shown then. */
function KeyWish({ onMade, onClose, ...wish }) {
  const [made, setMade] = useState(null);
  if (made) return <KeyShown made={made} onClose={onClose} />;
  return <Wish {...wish} onClose={(answer) => answer ?? onClose()} onDone={(answer) => { setMade(answer); onMade?.(); }} />;
}

/** Makes a key and shows it. `send(values, key)` makes it; `more`: initial values of further fields, its children. */
export function NewKey({ send, more, children, ...rest }) {
  return (
    <KeyWish title={t("keys.new")} does={t("keys.make")} initial={{ name: "", ...more }} check={needed("name")}
      send={({ name, ...others }, key) => send({ name: name.trim(), ...others }, key)} {...rest}>
      <TextField name="name" label={t("field.name")} hint={t("keys.name_hint")} maxLength={200} autofocus />
      {children}
    </KeyWish>
  );
}

/** Shows the key that waits for it. */
export function WaitingKey({ id, name, ...rest }) {
  return <KeyWish title={t("keys.made", { name })} lead={t("keys.show_text")} does={t("keys.show")} initial={{}} send={(_, key) => post(`/v1/keys/${id}/show`, {}, key)} {...rest} />;
}

function statusOf(row) {
  return row.revoked_at ? "revoked" : row.is_waiting ? "unshown" : "live";
}

/** Keys of a list; `more`: columns of the page's own; `onShow(row)`: shows the one that waits for it. */
export function KeyTable({ list, more = [], onShow, empty }) {
  async function revoke({ id, name }) {
    if (!(await confirmed({ title: t("keys.revoke_title", { name }), text: t("keys.revoke_text"), yes: t("keys.revoke"), danger: true }))) return;
    try {
      await post(`/v1/keys/${id}/revoke`, {});
      toast(t("keys.revoked"));
      list.reload();
    } catch (error) {
      toast(errorText(error), "bad");
    }
  }
  const columns = [
    { key: "name", title: t("field.name"), kind: "main", cell: (row) => row.name },
    { key: "prefix", title: t("keys.begins"), cell: (row) => <code>{row.prefix}…</code> },
    ...more,
    { key: "created", title: t("field.created"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "status", title: t("field.status"), cell: (row) => <><Status of={statusOf(row)} />{row.revoked_at && <small><Time at={row.revoked_at} date /></small>}</> },
    { key: "do", title: "", kind: "actions", cell: (row) => !row.revoked_at && (
      <>
        {onShow && row.is_waiting && <Button kind="quiet" onClick={() => onShow(row)}>{t("keys.show")}</Button>}
        <Button kind="quiet" onClick={() => revoke(row)}>{t("keys.revoke")}</Button>
      </>
    ) },
  ];
  return <ListTable list={list} caption={t("keys.title")} columns={columns} rowClass={(row) => (row.revoked_at ? "off" : "")} empty={empty} />;
}
