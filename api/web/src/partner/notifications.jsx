// What the programme told the partner. Seeing the list marks it read.
import { useEffect } from "preact/hooks";
import { post } from "../lib/api.js";
import { useList, FRESH_MS } from "../lib/data.js";
import { t, told } from "../lib/i18n.js";
import { moneyText } from "../lib/money.js";
import { useReasons } from "../lib/reasons.js";
import { monthText } from "../lib/time.js";
import { Page } from "../ui/shell.jsx";
import { Empty, Items } from "../ui/table.jsx";
import { Ago } from "../ui/value.jsx";
import { refreshUnread } from "./news.js";

const DECISION = /^conversion_(approved|declined|refunded|pending)$/;

function wordsOf({ kind, payload }) {
  const key = `news.${kind}`;
  const minor = payload.amount_minor ?? payload.earned_minor;
  return told(key) ? t(key, {
    ...payload, n: payload.count ?? 1, sum: minor !== undefined && payload.currency ? moneyText(minor, payload.currency) : "",
    month: payload.month && monthText(payload.month.slice(0, 7)), name: payload.name ?? payload.slug ?? "" }) : kind;
}

/** Where the reader finds what it is about. */
function placeOf({ kind, payload }) {
  const decided = DECISION.exec(kind);
  if (decided) return payload.count === 1 && payload.examples?.[0]?.conversion_id ? `/cabinet/conversions/${payload.examples[0].conversion_id}` : `/cabinet/conversions?status=${decided[1]}`;
  if (payload.payout_id) return "/cabinet/payouts";
  if (payload.terms_id) return "/cabinet/terms";
  if (payload.link_id) return `/cabinet/links/${payload.link_id}`;
  return ["commission_available", "adjustment", "month_closed"].includes(kind) ? "/cabinet/balance" : null;
}

function Item({ item, reason }) {
  const path = placeOf(item);
  return (
    <li class={item.read_at ? "" : "unread"}>
      <p>{path ? <a href={path}>{wordsOf(item)}</a> : wordsOf(item)}{item.payload.reason && <small>{reason(item.payload.reason)}</small>}</p>
      <Ago at={item.created_at} />
    </li>
  );
}

export function Notifications() {
  const reasons = useReasons();
  const list = useList("/v1/notifications", {}, { every: FRESH_MS });
  const newest = list.rows?.find((item) => !item.read_at)?.id;
  useEffect(() => {
    if (newest) post("/v1/notifications/read", { up_to: newest }).then(refreshUnread, () => null);
  }, [newest]);
  return (
    <Page title={t("notifications.title")} lead={t("notifications.lead")}>
      <Items list={list} empty={<Empty icon="bell" title={t("notifications.empty")}>{t("notifications.empty_text")}</Empty>}>
        {(rows) => <ol class="news">{rows.map((item) => <Item key={item.id} item={item} reason={reasons.text} />)}</ol>}
      </Items>
    </Page>
  );
}
