// Money is a whole number of minor units and a currency; it becomes digits without ever being a fraction.
import { language } from "./i18n.js";

const NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND";
const MINUS = "−";
const UNKNOWN = "–";

/** Decimals of a currency: ISO 4217, as base/currency.c. */
export function exponentOf(currency) {
  if (NO_DECIMALS.includes(currency)) return 0;
  return THREE_DECIMALS.includes(currency) ? 3 : 2;
}

const formats = new Map();

function formatOf(options = {}) {
  const key = language.get() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(language.get(), options));
  return formats.get(key);
}

const decimalPoint = () => formatOf().formatToParts(1.5).find((part) => part.type === "decimal").value;
const grouped = (digits) => formatOf({ useGrouping: "always" }).format(BigInt(digits));

function symbolOf(currency) {
  return formatOf({ style: "currency", currency, currencyDisplay: "narrowSymbol" }).formatToParts(0).find((part) => part.type === "currency").value;
}

/** {sign, whole, fraction, symbol, before}: a whole number of `decimals` decimals, cut for display. */
function digitsOf(number, decimals) {
  const negative = BigInt(number) < 0n;
  const digits = String(negative ? -BigInt(number) : BigInt(number)).padStart(decimals + 1, "0");
  const cut = digits.length - decimals;
  return { sign: negative ? MINUS : "", whole: grouped(digits.slice(0, cut)), fraction: decimals ? decimalPoint() + digits.slice(cut) : "" };
}

export function moneyParts(minor, currency) {
  return { ...digitsOf(minor, exponentOf(currency)), symbol: symbolOf(currency), before: language.get() === "en" };
}

export function moneyText(minor, currency) {
  if (minor === null || minor === undefined) return UNKNOWN;
  const { sign, whole, fraction, symbol, before } = moneyParts(minor, currency);
  const wordy = /^\p{L}/u.test(symbol);
  return before ? `${sign}${symbol}${wordy ? "\u00a0" : ""}${whole}${fraction}` : `${sign}${whole}${fraction}\u00a0${symbol}`;
}

/** Minor units with decimals of their own, as EPC is told ("1234.5000"), to the nearest minor unit. */
export function wholeMinor(text) {
  if (text === null || text === undefined) return null;
  const [, sign, whole, first] = /^(-?)(\d+)(?:\.(\d))?/.exec(String(text));
  const rounded = BigInt(whole) + (Number(first ?? 0) >= 5 ? 1n : 0n);
  return Number(sign ? -rounded : rounded);
}

/** number * numerator / denominator, rounded half up, of whole numbers. */
export function share(number, numerator, denominator) {
  const [n, d] = [BigInt(number) * BigInt(numerator), BigInt(denominator)];
  if (d === 0n) return null;
  const half = n < 0n ? -d / 2n : d / 2n;
  return Number((n + half) / d);
}

/** Parts per million as percent, with at most `decimals`. */
export function percentText(ppm, decimals = 2) {
  if (ppm === null || ppm === undefined) return UNKNOWN;
  const { sign, whole, fraction } = digitsOf(share(ppm, 1, 10 ** (4 - decimals)), decimals);
  return `${sign}${whole}${fraction}\u00a0%`;
}

/** A rate: percent without zeros at its end. */
export function rateText(ppm) {
  const { sign, whole, fraction } = digitsOf(ppm, 4);
  const shown = fraction.replace(/0+$/, "");
  return `${sign}${whole}${shown.length > 1 ? shown : ""}\u00a0%`;
}

export function countText(count) {
  return count === null || count === undefined ? UNKNOWN : formatOf({ maximumFractionDigits: 6 }).format(count).replace("-", MINUS);
}

export const compactText = (count) => formatOf({ notation: "compact", maximumFractionDigits: 1 }).format(count);

/** What a person typed as an amount, in minor units; null: it is none. */
export function minorOf(text, currency) {
  const found = /^(-|−)?(\d+)(?:[.,](\d+))?$/.exec(text.replace(/[\s\u00a0]/g, ""));
  const decimals = exponentOf(currency);
  if (!found || (found[3] ?? "").length > decimals) return null;
  const minor = Number(found[2] + (found[3] ?? "").padEnd(decimals, "0"));
  return Number.isSafeInteger(minor) ? (found[1] ? -minor : minor) : null;
}
