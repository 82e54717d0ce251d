// Moments and days in the reader's zone, which is always said.
import { keep, recall } from "./kept.js";
import { language } from "./i18n.js";
import { store } from "./store.js";

const OWN = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const DAY_MS = 86_400_000;

function known(name) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) && name;
  } catch {
    return null;
  }
}

export const zone = store(known(recall("zone") ?? OWN) ?? "UTC");

export function setZone(name) {
  if (!known(name)) return;
  keep("zone", name);
  zone.set(name);
}

export const zones = () => [...new Set(["UTC", OWN, ...(Intl.supportedValuesOf?.("timeZone") ?? [])])];

const formats = new Map();

function format(options, moment, timeZone = zone.get(), locale = language.get()) {
  const key = locale + timeZone + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, { ...options, timeZone }));
  return formats.get(key).format(moment);
}

export const timeText = (iso) => format({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }, new Date(iso));
export const dateText = (iso) => format({ day: "numeric", month: "short", year: "numeric" }, new Date(iso));

/** UTC+3 and the like, of now. */
export function zoneText(name = zone.get()) {
  const offset = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "shortOffset" }).formatToParts(new Date())
    .find((part) => part.type === "timeZoneName").value.replace("GMT", "UTC");
  return offset === "UTC" || name === "UTC" ? name : `${name.replace(/_/g, " ")} (${offset})`;
}

// A day is a text, 2026-11-26: no zone moves it.

const midnight = (day) => new Date(`${day}T00:00:00Z`);
export const today = () => format({ year: "numeric", month: "2-digit", day: "2-digit" }, new Date(), zone.get(), "sv-SE");
export const dayPlus = (day, days) => new Date(midnight(day).getTime() + days * DAY_MS).toISOString().slice(0, 10);
export const daysBetween = (from, to) => Math.round((midnight(to) - midnight(from)) / DAY_MS);
export const dayShort = (day) => format({ day: "numeric", month: "short" }, midnight(day), "UTC");
export const dayWithWeekday = (day) => format({ weekday: "short", day: "numeric", month: "short" }, midnight(day), "UTC");
export const monthText = (month) => format({ month: "long", year: "numeric" }, midnight(`${month}-01`), "UTC");

/** "3 minutes ago". */
export function agoText(iso) {
  const seconds = Math.round((new Date(iso) - Date.now()) / 1000);
  const relative = new Intl.RelativeTimeFormat(language.get(), { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(seconds, "second");
}
