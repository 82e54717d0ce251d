// Explain: the way of an order to the ledger, drawn station by station, beside the text that the API gives.
import { t, tx, word } from "../lib/i18n.js";
import { percentText, rateText } from "../lib/money.js";
import { dateText, monthText, timeText } from "../lib/time.js";
import { Notice } from "./field.jsx";
import { Icon } from "./icon.jsx";
import { Money, Status, Time } from "./value.jsx";

const WHOLE_PPM = 1_000_000;

function Station({ title, kind = "", children }) {
  return <li class={`station ${kind}`}><h3>{title}</h3>{children}</li>;
}

// --- Touches

const ageOf = (touch) => (touch.age_days ?? Math.floor((touch.age_seconds ?? 0) / 86400));

function ageText(touch) {
  if (touch.own && touch.age_seconds < 3600) return t("explain.minutes_before", { n: Math.max(1, Math.round(touch.age_seconds / 60)) });
  if (touch.own && touch.age_seconds < 86400) return t("explain.hours_before", { n: Math.round(touch.age_seconds / 3600) });
  return t("explain.days_before", { n: ageOf(touch) });
}

function Touch({ touch, linkText }) {
  const won = touch.verdict === "won";
  const shared = won && touch.own && touch.weight_ppm < WHOLE_PPM;
  return (
    <li class={`touch ${touch.verdict} ${touch.own ? "own" : "other"}`}>
      <div class="touch-head">
        <b>{touch.own ? t("explain.yours", { kind: word("touch", touch.kind) }) : t("explain.others", { kind: word("touch", touch.kind) })}</b>
        <span class={`verdict ${touch.verdict}`}>{won && <Icon name="check" />}{shared ? t("explain.won_share", { share: percentText(touch.weight_ppm, 0) }) : word("verdict", touch.verdict)}</span>
      </div>
      <p class="touch-facts">
        {touch.at && <><time dateTime={touch.at}>{timeText(touch.at)}</time> · </>}{ageText(touch)}
        {linkText?.(touch.link_id) && <> · {linkText(touch.link_id)}</>}
        {touch.class && touch.class !== "human" && <> · {word("class", touch.class)}</>}
      </p>
      <p class="touch-reason">{word("reason", touch.reason)}</p>
      {touch.own && touch.window_from && <p class="touch-window">{t("explain.window", { n: touch.window_days, from: dateText(touch.window_from), to: dateText(touch.window_to) })}</p>}
    </li>
  );
}

function Touches({ of, linkText }) {
  const touches = [...(of.touches ?? [])].sort((one, other) => ageOf(other) - ageOf(one) || (other.age_seconds ?? 0) - (one.age_seconds ?? 0));
  return (
    <Station title={t("explain.touches")}>
      <p class="station-note">{tx("explain.rules", { model: <b>{word("model", of.model)}</b>, precedence: word("precedence", of.precedence) })}</p>
      <ol class="touch-list">{touches.map((touch, i) => <Touch key={touch.id ?? i} touch={touch} linkText={linkText} />)}</ol>
      {of.truncated && <p class="station-note">{t("explain.truncated")}</p>}
    </Station>
  );
}

// --- Order, terms, sum

function Order({ order, reason }) {
  return (
    <Station title={t("explain.order")} kind={order.status}>
      <p class="station-sum"><Money minor={order.amount_minor} currency={order.currency} /> <Status of={order.status} /></p>
      <p class="station-note">{order.order_id && <>№ {order.order_id} · </>}<Time at={order.occurred_at} /></p>
      {order.refunded_minor > 0 && <p class="station-note">{t("conversions.refunded")} <Money minor={order.refunded_minor} currency={order.currency} /></p>}
      {order.reason && <Notice kind="bad">{reason(order.reason)}</Notice>}
    </Station>
  );
}

function TermsStation({ commission }) {
  return (
    <Station title={t("explain.terms")}>
      <p>{t(`explain.terms_of_${commission.terms_of}`, { version: commission.terms_version, date: dateText(commission.effective_from) })}</p>
      {commission.rule && <p class="station-note">{t("explain.rule", { n: commission.rule.place })}</p>}
      {commission.hold_days > 0 && <p class="station-note">{t("explain.hold", { n: commission.hold_days, date: dateText(commission.hold_until) })}</p>}
    </Station>
  );
}

/** The lines of the sum as one writes it by hand: what is multiplied by what, and the double rule under what comes out. */
function sumLines(commission, currency) {
  const money = (minor) => <Money minor={minor} currency={currency} />;
  const lines = [[t("explain.base"), money(commission.base_minor)]];
  if (commission.weight_ppm !== null && commission.weight_ppm !== undefined && commission.weight_ppm < WHOLE_PPM) lines.push([t("explain.share"), percentText(commission.weight_ppm)]);
  if (commission.rate_ppm) lines.push([t("explain.rate"), <>× {rateText(commission.rate_ppm)}</>]);
  if (commission.rule?.tiers) lines.push([t("explain.tiers"), t("explain.tiers_by")]);
  if (commission.fixed_minor) lines.push([t("explain.fixed"), <>+ {money(commission.fixed_minor)}</>]);
  if (commission.uncapped_minor !== commission.amount_minor && commission.limited_by) lines.push([t("explain.uncapped"), money(commission.uncapped_minor)], [t("explain.limit"), word("limit", commission.limited_by)]);
  return lines;
}

function Sum({ commission, currency }) {
  return (
    <Station title={t("explain.sum")} kind={commission.status}>
      <dl class="sum">
        {sumLines(commission, currency).map(([title, value]) => <div key={title}><dt>{title}</dt><dd>{value}</dd></div>)}
        <div class="sum-result"><dt>{t("metric.commission")} <small>{t(`commission.${commission.status}`)}</small></dt><dd><Money minor={commission.amount_minor} currency={currency} /></dd></div>
      </dl>
      {(commission.facts ?? []).map((fact) => <p key={fact.fact} class="station-note">{word("fact", fact.fact)}</p>)}
    </Station>
  );
}

function Ledger({ lines, currency }) {
  if (!lines?.length) return <Station title={t("explain.ledger")}><p class="station-note">{t("explain.no_ledger")}</p></Station>;
  return (
    <Station title={t("explain.ledger")} kind="last">
      <ol class="postings">
        {lines.map((line) => (
          <li key={line.transaction_id}>
            <div><time dateTime={line.posted_at}>{timeText(line.posted_at)}</time> · {word("ledger", line.kind)}{line.adjusts && <small> {t("ledger.adjusts", { month: monthText(line.adjusts) })}</small>}</div>
            {line.entries.map((entry) => (
              <div key={entry.account} class="posting"><span>{word("account", entry.account)}</span><Money minor={entry.amount_minor} currency={currency} signed /></div>
            ))}
          </li>
        ))}
      </ol>
    </Station>
  );
}

/** `reason(code)` and `linkText(number)` give words; without linkText no link is named. */
export function Explained({ of, linkText, reason, text }) {
  const currency = of.conversion?.currency;
  return (
    <div class="explain">
      <ol class="path" aria-label={t("explain.path")}>
        <Touches of={of} linkText={linkText} />
        {of.conversion && <Order order={of.conversion} reason={reason} />}
        {of.commission && <TermsStation commission={of.commission} />}
        {of.commission && <Sum commission={of.commission} currency={currency} />}
        <Ledger lines={of.ledger} currency={currency} />
      </ol>
      {text && (
        <aside class="explain-words" aria-labelledby="explain-words">
          <h2 id="explain-words">{t("explain.words")}</h2>
          {text.split("\n").map((line) => <p key={line}>{line}</p>)}
        </aside>
      )}
    </div>
  );
}
