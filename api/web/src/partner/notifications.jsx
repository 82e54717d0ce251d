// What the programme told the partner. Seeing the list marks it read.
import { useEffect } from "preact/hooks";
import { post } from "../lib/api.js";
import { useList, FRESH_MS } from "../lib/data.js";
import { t, told } from "../lib/i18n.js";
import { moneyText } from "../lib/money.js";
import { Page } from "../ui/shell.jsx";
import { Empty, Failure } from "../ui/table.jsx";
import { Button } from "../ui/field.jsx";
import { Ago } from "../ui/value.jsx";
import { refreshUnread } from "./news.js";

function wordsOf({ kind, payload = {} }) {
  const key = `news.${kind}`;
  const sum = payload.amount_minor !== undefined && payload.currency ? moneyText(payload.amount_minor, payload.currency) : "";
  return told(key) ? t(key, { ...payload, sum }) : kind;
}

const PLACES = [["conversion_id", "/cabinet/conversions/"], ["payout_id", "/cabinet/payouts"], ["terms_id", "/cabinet/terms"], ["link_id", "/cabinet/links/"]];

function placeOf(payload = {}) {
  const [member, path] = PLACES.find(([name]) => payload[name]) ?? [];
  return path && (path.endsWith("/") ? path + payload[member] : path);
}

function Item({ item }) {
  const path = placeOf(item.payload);
  return (
    <li class={item.read_at ? "" : "unread"}>
      <p>{path ? <a href={path}>{wordsOf(item)}</a> : wordsOf(item)}{item.payload?.reason && <small>{item.payload.reason}</small>}</p>
      <Ago at={item.created_at} />
    </li>
  );
}

export function Notifications() {
  const list = useList("/v1/notifications", {}, { every: FRESH_MS });
  const newest = list.rows?.find((item) => !item.read_at)?.id;
  useEffect(() => {
    if (newest) post("/v1/notifications/read", { up_to: newest }).then(refreshUnread, () => null);
  }, [newest]);
  return (
    <Page title={t("notifications.title")} lead={t("notifications.lead")}>
      {list.error && !list.rows && <Failure error={list.error} retry={list.reload} />}
      {list.rows?.length === 0 && <Empty icon="bell" title={t("notifications.empty")}>{t("notifications.empty_text")}</Empty>}
      <ol class="news">{(list.rows ?? []).map((item) => <Item key={item.id} item={item} />)}</ol>
      {list.more && <Button busy={list.busy} onClick={list.loadMore}>{t("table.more")}</Button>}
    </Page>
  );
}
