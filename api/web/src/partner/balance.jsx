// The balance, and the statement: each line of the ledger that is the partner's, with what the account stood at after it.
import { useData, useList, FRESH_MS } from "../lib/data.js";
import { t, word } from "../lib/i18n.js";
import { place, setQuery } from "../lib/router.js";
import { useStore } from "../lib/store.js";
import { monthText } from "../lib/time.js";
import { Segments } from "../ui/field.jsx";
import { Figures } from "../ui/figures.jsx";
import { Page, Section } from "../ui/shell.jsx";
import { Csv, Empty, Failure, ListTable } from "../ui/table.jsx";
import { Money, Time } from "../ui/value.jsx";
import { ProgramFilter, usePrograms } from "./programs.jsx";

const ACCOUNTS = ["pending", "available", "reserved", "paid"];

function what(line) {
  const name = word("ledger", line.kind);
  if (line.conversion_id) return <><a href={`/cabinet/conversions/${line.conversion_id}`}>{name}</a><small>{t("statement.order", { id: line.conversion_id })}</small></>;
  if (line.payout_id) return <>{name}<small>{t("statement.payout", { id: line.payout_id })}</small></>;
  return <>{name}{line.reason && <small>{line.reason}</small>}</>;
}

function Sums({ balance }) {
  const sums = balance.data?.data;
  if (balance.error) return <Failure error={balance.error} retry={balance.reload} />;
  if (sums && !sums.length) return null;
  return (sums ?? [{}]).map((sum) => (
    <Figures key={sum.currency} label={t("balance.of", { currency: sum.currency ?? "" })} items={ACCOUNTS.map((account) => ({
      key: account, title: t(`balance.${account}`), note: t(`balance.${account}_note`),
      value: sum.currency && <Money minor={sum[`${account}_minor`]} currency={sum.currency} />,
    }))} />
  ));
}

function Seal({ seal }) {
  if (!seal) return null;
  return <p class="seal"><span>{t("statement.seal", { n: seal.id })}</span> <Time at={seal.sealed_at} /> <code>{seal.head}</code></p>;
}

export function Balance() {
  const { query } = useStore(place);
  const programs = usePrograms();
  const wanted = { program_id: query.program, currency: query.currency };
  const balance = useData("/v1/balance", { program_id: query.program }, { every: FRESH_MS });
  const list = useList("/v1/statement", wanted, { every: FRESH_MS });
  const currencies = (balance.data?.data ?? []).map((sum) => sum.currency);
  const columns = [
    { key: "at", title: t("statement.at"), cell: (line) => <><Time at={line.posted_at} />{line.adjusts && <small>{t("ledger.adjusts", { month: monthText(line.adjusts) })}</small>}</> },
    { key: "what", title: t("statement.what"), kind: "main", cell: what },
    { key: "program", title: t("field.program"), cell: (line) => programs.name(line.program_id) },
    { key: "account", title: t("statement.account"), cell: (line) => word("account", line.account) },
    { key: "amount", title: t("statement.amount"), kind: "number", cell: (line) => <Money minor={line.amount_minor} currency={line.currency} signed /> },
    { key: "balance", title: t("statement.balance"), kind: "number", cell: (line) => <Money minor={line.balance_minor} currency={line.currency} /> },
  ];
  return (
    <Page title={t("balance.title")} lead={t("balance.lead")} actions={<a class="button primary" href="/cabinet/payouts">{t("overview.payout")}</a>}>
      <Sums balance={balance} />
      <Section title={t("statement.title")} lead={t("statement.lead")} actions={
        <>
          <ProgramFilter programs={programs} />
          {currencies.length > 1 && (
            <Segments label={t("field.currency")} value={query.currency ?? ""} onChange={(currency) => setQuery({ currency })}
              options={[["", t("filter.all")], ...currencies.map((currency) => [currency, currency])]} />
          )}
          <Csv path="/v1/statement" query={wanted} />
        </>}>
        <ListTable list={list} caption={t("statement.title")} columns={columns} rowKey={(line) => `${line.transaction_id} ${line.account}`}
          empty={<Empty icon="balance" title={t("statement.empty")}>{t("statement.empty_text")}</Empty>} />
        <Seal seal={list.data?.seal} />
      </Section>
    </Page>
  );
}
