// One partner: state, balance, figures, groups, keys, what belongs to it; money by hand.
import { useId, useState } from "preact/hooks";
import { patch, post } from "../lib/api.js";
import { FRESH_MS, useData, useList } from "../lib/data.js";
import { t } from "../lib/i18n.js";
import { minorOf, moneyText } from "../lib/money.js";
import { address } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { confirmed, toast } from "../ui/dialog.jsx";
import { Button, errorText, Notice, TextField } from "../ui/field.jsx";
import { Figures } from "../ui/figures.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Empty, ListTable, Table } from "../ui/table.jsx";
import { Money, Status, Sums, Time } from "../ui/value.jsx";
import { needed, Wish } from "../ui/wish.jsx";
import { ProgramField, ProgramName, programOptions } from "./choice.jsx";
import { useGroups } from "./groups.jsx";
import { loadPartners, partnerOf, partners, programOf } from "./names.js";
import { InviteWish, Keys, PartnerKey, PersonTable } from "./people.jsx";
import { may } from "./rights.js";

export function AdjustWish({ partnerId, onClose, onDone, children }) {
  const amount = ({ program_id, amount: text }) => minorOf(text, programOf(program_id)?.currency ?? "");
  return (
    <Wish title={t("team.adjust")} lead={t("team.adjust.lead")} does={t("team.adjust.do")} done={t("team.adjust.done")} onClose={onClose} onDone={onDone}
      initial={{ program_id: programOptions()[0]?.[0] ?? "", partner_id: partnerId ?? "", amount: "", reason: "" }}
      check={(values) => ({ ...needed("program_id", "partner_id", "reason")(values), ...(!amount(values) && { amount: t("team.amount.wrong") }) })}
      send={(values, key) => post("/v1/adjustments", {
        program_id: Number(values.program_id), partner_id: Number(values.partner_id), key, amount_minor: amount(values), reason: values.reason.trim() }, key)}>
      {(form) => (
        <>
          {children}
          <ProgramField />
          <TextField name="amount" label={t("team.amount")} inputMode="decimal" placeholder="-150,00"
            hint={amount(form.values) ? t(amount(form.values) > 0 ? "team.adjust.gains" : "team.adjust.loses", { sum: moneyText(Math.abs(amount(form.values)), programOf(form.values.program_id).currency) }) : t("team.adjust.hint")} />
          <TextField name="reason" label={t("team.reason")} hint={t("team.reason.seen")} lines={2} maxLength={500} />
        </>
      )}
    </Wish>
  );
}

function Decisions({ partner, onDone }) {
  const [pausing, setPausing] = useState(false);
  const act = (action, body = {}, key = undefined) => post(`/v1/partners/${partner.id}/${action}`, body, key);
  const run = (action, question) => async () => {
    if (question && !(await confirmed({ ...question, danger: true }))) return;
    act(action).then(() => { toast(t(`team.partner.${action}d`)); onDone(); }, (error) => toast(errorText(error), "bad"));
  };
  return (
    <>
      {partner.status !== "active" && <Button kind="primary" icon="check" onClick={run("approve")}>{t(partner.status === "paused" ? "team.partner.resume" : "team.approve")}</Button>}
      {partner.status === "pending" && (
        <Button kind="danger" onClick={run("decline", { title: t("team.partner.decline.title"), text: t("team.partner.decline.text"), yes: t("team.decline") })}>{t("team.decline")}</Button>
      )}
      {partner.status === "active" && <Button kind="danger" onClick={() => setPausing(true)}>{t("team.partner.pause")}</Button>}
      {pausing && (
        <Wish title={t("team.partner.pause.title")} lead={t("team.partner.pause.text")} does={t("team.partner.pause")} done={t("team.partner.paused")} danger initial={{}}
          send={(_, key) => act("pause", {}, key)} onDone={onDone} onClose={() => setPausing(false)} />
      )}
    </>
  );
}

const belongs = (partner, { program_id, name }, member) => patch(`/v1/programs/${program_id}/partner-groups`, { partner_id: partner.id, name, member });

function GroupWish({ partner, onClose, onDone }) {
  const known = useGroups();
  const id = useId();
  return (
    <Wish title={t("team.group.add")} lead={t("team.group.lead")} does={t("team.group.add")} done={t("team.saved")} onClose={onClose} onDone={onDone}
      initial={{ program_id: programOptions()[0]?.[0] ?? "", name: "" }} check={needed("program_id", "name")}
      send={({ program_id, name }) => belongs(partner, { program_id, name: name.trim().toLowerCase() }, true)}>
      {(form) => (
        <>
          <ProgramField />
          <TextField name="name" label={t("team.group")} hint={t("team.group.hint")} maxLength={63} list={id} autocomplete="off" />
          <datalist id={id}>
            {known.rows?.filter((group) => group.program_id === Number(form.values.program_id)).map(({ name }) => <option key={name} value={name} />)}
          </datalist>
        </>
      )}
    </Wish>
  );
}

function OwnGroups({ partner }) {
  const list = useGroups({ partner_id: partner.id });
  const [adding, setAdding] = useState(false);
  const leave = (group) => belongs(partner, group, false).then(list.reload, (error) => toast(errorText(error), "bad"));
  const columns = [
    { key: "name", title: t("team.group"), kind: "main", cell: (row) => <a href={address("/team/partners", { program_id: row.program_id, partner_group: row.name })}>{row.name}</a> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "do", title: "", kind: "actions", cell: (row) => may("manage") && <Button kind="quiet" onClick={() => leave(row)}>{t("team.group.leave")}</Button> },
  ];
  return (
    <Section title={t("team.nav.groups")} actions={may("manage") && <Button icon="plus" onClick={() => setAdding(true)}>{t("team.group.add")}</Button>}>
      <ListTable list={list} caption={t("team.nav.groups")} columns={columns} rowKey={(row) => `${row.program_id} ${row.name}`}
        empty={<Empty icon="people" title={t("team.partner.no_groups")} />} />
      {adding && <GroupWish partner={partner} onClose={() => setAdding(false)} onDone={list.reload} />}
    </Section>
  );
}

function Money4({ balance }) {
  const items = ["pending", "available", "reserved", "paid"].map((member) => ({
    key: member, title: t(`balance.${member}`), value: balance && <Sums of={balance} member={`${member}_minor`} /> }));
  return <Figures label={t("team.balance")} items={items} />;
}

export function Partner({ id }) {
  useStore(partners);
  const partner = partnerOf(id);
  const balance = useData("/v1/balance", { partner_id: id }, { every: FRESH_MS });
  const stats = useData("/v1/stats", { partner_id: id });
  const links = useList("/v1/links", { partner_id: id });
  const people = useList("/v1/people", { partner_id: id });
  const codes = useList("/v1/promo-codes", { partner_id: id });
  const [wish, setWish] = useState(null);
  const close = () => setWish(null);
  const renew = () => loadPartners().catch(() => null);
  const own = [
    { key: "what", title: t("team.link"), kind: "main", cell: (row) => <code>{row.path}</code> },
    { key: "program", title: t("team.program"), cell: (row) => <ProgramName id={row.program_id} /> },
    { key: "target", title: t("team.target"), cell: (row) => row.target_url },
    { key: "status", title: t("team.status"), cell: (row) => <Status of={row.status} /> },
  ];
  const figures = [
    { key: "currency", title: t("team.currency"), kind: "main", cell: (row) => row.currency },
    { key: "clicks", title: t("team.clicks"), kind: "number", cell: (row) => row.clicks },
    { key: "conversions", title: t("team.conversions.count"), kind: "number", cell: (row) => row.conversions },
    { key: "revenue", title: t("team.revenue"), kind: "number", cell: (row) => <Money minor={row.revenue_minor} currency={row.currency} /> },
    { key: "commission", title: t("team.commission"), kind: "number", cell: (row) => <Money minor={row.commission_minor} currency={row.currency} /> },
  ];
  if (!partner) return <Page title={t("team.partner")} back={{ path: "/team/partners", text: t("team.nav.partners") }}><Empty title={t("team.partner.missing")} /></Page>;
  return (
    <Page title={partner.name} back={{ path: "/team/partners", text: t("team.nav.partners") }} lead={<><Status of={partner.status} room="team.status_m" /> · {t("team.since")} <Time at={partner.created_at} date />{partner.email && ` · ${partner.email}`}</>}
      actions={may("manage") && <Decisions partner={partner} onDone={renew} />}>
      {partner.status === "paused" && <Notice kind="waiting">{t("team.partner.pause.text")}</Notice>}
      <Money4 balance={balance.data?.data} />
      <div class="row apart">
        {may("pay") && <Button icon="balance" onClick={() => setWish("adjust")}>{t("team.adjust")}</Button>}
        {may("manage") && !may("own") && <Button icon="key" onClick={() => setWish("key")}>{t("keys.new")}</Button>}
        <a class="button" href={`/team/conversions?status=all&partner_id=${id}`}>{t("team.partner.orders")}</a>
      </div>
      <Section title={t("team.partner.month")}>
        <Table caption={t("team.partner.month")} columns={figures} rows={stats.data?.totals} rowKey={(row) => row.currency} />
      </Section>
      <Section title={t("team.nav.links")}>
        <ListTable list={links} caption={t("team.nav.links")} columns={own} empty={<Empty icon="link" title={t("team.partner.no_links")} />} />
      </Section>
      <Section title={t("team.nav.codes")}>
        <ListTable list={codes} caption={t("team.nav.codes")} columns={own.map((column) => (column.key === "what" ? { ...column, title: t("team.code"), cell: (row) => <code>{row.code}</code> } : column))}
          empty={<Empty icon="code" title={t("team.partner.no_codes")} />} />
      </Section>
      <OwnGroups partner={partner} />
      <Section title={t("team.people.partner")} actions={may("own") && <Button icon="plus" onClick={() => setWish("invite")}>{t("team.people.add")}</Button>}>
        <PersonTable list={people} partner={partner} empty={<Empty icon="person" title={t("team.people.none")}>{t("team.people.partner.none")}</Empty>} />
      </Section>
      {may("own") && <Keys partner={partner} />}
      {wish === "invite" && <InviteWish partner={partner} onDone={people.reload} onClose={close} />}
      {wish === "adjust" && <AdjustWish partnerId={id} onClose={close} onDone={balance.reload} />}
      {wish === "key" && <PartnerKey partner={partner} onClose={close} />}
    </Page>
  );
}
