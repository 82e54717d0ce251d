// Values as a ledger sets them: money with its decimals a size smaller, in columns of equal figures; times with their full form.
import { t, word } from "../lib/i18n.js";
import { moneyParts, percentText } from "../lib/money.js";
import { agoText, dateText, timeText } from "../lib/time.js";
import { Icon } from "./icon.jsx";

/** Minor units and their currency. `signed` shows a plus too. */
export function Money({ minor, currency, signed = false }) {
  if (minor === null || minor === undefined || !currency) return <span class="money none">–</span>;
  const { sign, whole, fraction, symbol, before } = moneyParts(minor, currency);
  const mark = sign || (signed && minor > 0 ? "+" : "");
  const unit = <span class="money-unit">{symbol}</span>;
  return (
    <span class={`money ${minor < 0 ? "negative" : ""} ${minor === 0 ? "zero" : ""}`}>
      {mark}{before && unit}{whole}<span class="money-fraction">{fraction}</span>{!before && <>{"\u00a0"}{unit}</>}
    </span>
  );
}

/** Sums in several currencies, one a line. */
export function Sums({ of, member }) {
  if (!of?.length) return <span class="money none">–</span>;
  return <span class="sums">{of.map((sum) => <Money key={sum.currency} minor={sum[member]} currency={sum.currency} />)}</span>;
}

export function Time({ at, date = false }) {
  if (!at) return <span class="none">–</span>;
  return <time dateTime={at} title={at}>{date ? dateText(at) : timeText(at)}</time>;
}

export function Ago({ at }) {
  return <time dateTime={at} title={timeText(at)}>{agoText(at)}</time>;
}

const KINDS = {
  approved: "good", active: "good", available: "good", paid: "good", won: "good", done: "good", live: "good", delivered: "good",
  pending: "waiting", requested: "waiting", reserved: "waiting", paused: "waiting", running: "waiting", unshown: "waiting",
  declined: "bad", refused: "bad", revoked: "bad", void: "bad", refunded: "bad", failed: "bad", disabled: "bad",
};

/** A state in words, with a mark of its own shape: colour alone tells nobody anything. */
export function Status({ of, room = "status" }) {
  return <span class={`status ${KINDS[of] ?? "plain"}`}>{word(room, of)}</span>;
}

/** Change against the period before, both whole numbers. */
export function Change({ now, before, worse = false }) {
  if (!before || now === null || now === undefined) return <span class="change none">{t("change.none")}</span>;
  const ppm = Number(((BigInt(now) - BigInt(before)) * 1000000n) / (BigInt(before) < 0n ? -BigInt(before) : BigInt(before)));
  const direction = ppm === 0 ? "same" : ppm > 0 !== worse ? "better" : "worse";
  return (
    <span class={`change ${direction}`}>
      {ppm !== 0 && <Icon name={ppm > 0 ? "up" : "down"} />}
      <span class="unseen">{t(ppm > 0 ? "change.up" : ppm < 0 ? "change.down" : "change.same")}</span>
      {percentText(Math.abs(ppm), 0)}
    </span>
  );
}

