// People who log in, of the team by role or of a partner, and keys of programs that ask the API. Owners change them.
import { useState } from "preact/hooks";
import { patch, post } from "../lib/api.js";
import { useList } from "../lib/data.js";
import { language, t } from "../lib/i18n.js";
import { me } from "../lib/session.js";
import { CopyText } from "../ui/copy.jsx";
import { confirmed, Dialog, toast } from "../ui/dialog.jsx";
import { Button, errorText, Notice, Select, SelectField, TextField } from "../ui/field.jsx";
import { KeyTable, NewKey } from "../ui/keys.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Empty, ListTable } from "../ui/table.jsx";
import { Status, Time } from "../ui/value.jsx";
import { needed, Wish } from "../ui/wish.jsx";
import { PartnerName } from "./choice.jsx";
import { may, ROLES } from "./rights.js";

const roleOptions = () => ROLES.map((role) => [role, t(`team.role.${role}`)]);
const failed = (error) => toast(errorText(error), "bad");

function Invited({ token, onClose }) {
  return (
    <Dialog title={t("team.people.invited")} onClose={onClose} actions={<Button kind="primary" onClick={onClose}>{t("dialog.close")}</Button>}>
      <div class="stack"><Notice kind="waiting">{t("team.people.link")}</Notice><CopyText text={`${location.origin}/password/new#${token}`} label={t("team.people.link.label")} /></div>
    </Dialog>
  );
}

/** People of a list, or of one partner; `empty` where there are none. */
export function PersonTable({ list, partner, empty }) {
  const self = me.get()?.person?.id;
  const change = (row, changes) => patch(`/v1/people/${row.id}`, changes).then(() => { toast(t("team.saved")); list.reload(); }, failed);
  async function disable(row) {
    if (await confirmed({ title: t("team.people.disable.title", { name: row.name }), text: t("team.people.disable.text"), yes: t("team.people.disable"), danger: true })) change(row, { disabled: true });
  }
  const owns = may("own");
  const columns = [
    { key: "name", title: t("team.name"), kind: "main", cell: (row) => <>{row.name}<small>{row.email}</small></> },
    ...(partner ? [] : [{ key: "role", title: t("team.role"), cell: (row) => (row.partner_id ? <PartnerName id={row.partner_id} /> : row.id === self || !owns ? t(`team.role.${row.role}`)
      : <Select aria-label={t("team.role.of", { name: row.name })} options={roleOptions()} value={row.role} onChange={(role) => change(row, { role })} />) }]),
    { key: "since", title: t("team.since"), cell: (row) => <Time at={row.created_at} date /> },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.disabled_at ? "disabled" : row.has_password ? "active" : "pending"} room="team.status_m" /> },
    { key: "do", title: "", kind: "actions", cell: (row) => owns && row.id !== self && (row.disabled_at
      ? <Button kind="quiet" onClick={() => change(row, { disabled: false })}>{t("team.people.enable")}</Button>
      : <Button kind="quiet" onClick={() => disable(row)}>{t("team.people.disable")}</Button>) },
  ];
  return <ListTable list={list} caption={t("team.people.team")} columns={columns} empty={empty} />;
}

/** Keys of a partner, or without one of the team. */
export function Keys({ partner }) {
  const list = useList("/v1/keys", partner ? { partner_id: partner.id } : { kind: "team" });
  const [making, setMaking] = useState(false);
  const role = { key: "role", title: t("team.role"), cell: (row) => t(`team.role.${row.role}`) };
  return (
    <Section title={t("keys.title")} lead={t(partner ? "team.key.lead" : "team.keys.lead")} actions={<Button icon="plus" onClick={() => setMaking(true)}>{t("keys.new")}</Button>}>
      <KeyTable list={list} more={partner ? [] : [role]} empty={<Empty icon="key" title={t("keys.empty")} />} />
      {making && (partner
        ? <PartnerKey partner={partner} onMade={list.reload} onClose={() => setMaking(false)} />
        : (
          <NewKey more={{ role: "viewer" }} send={(values, key) => post("/v1/keys", values, key)} onMade={list.reload} onClose={() => setMaking(false)}>
            <SelectField name="role" label={t("team.role")} options={roleOptions()} />
          </NewKey>
        ))}
    </Section>
  );
}

export function PartnerKey({ partner, ...rest }) {
  return <NewKey send={(values, key) => post(`/v1/partners/${partner.id}/keys`, values, key)} {...rest} />;
}

/** Invites somebody of a partner, or without one of the team; the invitation is shown once. */
export function InviteWish({ partner, onDone, onClose }) {
  const [made, setMade] = useState(null);
  if (made) return <Invited token={made.token} onClose={onClose} />;
  const whose = ({ role, ...person }) => ({ ...person, ...(partner ? { partner_id: partner.id } : { role }) });
  return (
    <Wish title={t("team.people.add")} does={t("team.people.add")} initial={{ name: "", email: "", role: "viewer", language: language.get() }} check={needed("name", "email")}
      onClose={(answer) => answer ?? onClose()} onDone={(answer) => { setMade(answer); onDone(); }} send={(values, key) => post("/v1/people", whose(values), key)}>
      {(form) => (
        <>
          <div class="form-row"><TextField name="name" label={t("team.name")} maxLength={200} /><TextField name="email" label={t("field.email")} type="email" maxLength={254} /></div>
          <div class="form-row">
            {!partner && <SelectField name="role" label={t("team.role")} hint={t(`team.role.${form.values.role}.may`)} options={roleOptions()} />}
            <SelectField name="language" label={t("team.language")} options={[["en", "English"], ["ru", "Русский"]]} />
          </div>
        </>
      )}
    </Wish>
  );
}

export function People() {
  const list = useList("/v1/people");
  const [inviting, setInviting] = useState(false);
  const invite = <Button kind="primary" icon="plus" onClick={() => setInviting(true)}>{t("team.people.add")}</Button>;
  return (
    <Page title={t("team.nav.people")} lead={t("team.people.lead")} actions={invite}>
      <Section title={t("team.people.team")}>
        <PersonTable list={list} empty={<Empty icon="people" title={t("team.people.none")} action={invite}>{t("team.people.none.text")}</Empty>} />
      </Section>
      <Keys />
      {inviting && <InviteWish onDone={list.reload} onClose={() => setInviting(false)} />}
    </Page>
  );
}
