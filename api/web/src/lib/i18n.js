// Texts in the reader's language. A text is a string with {names}, or an object of plural forms (one, few, many, other)
// chosen by {n}. Only the language in use is loaded; rooms of the pages with texts of their own add them.
import { keep, recall } from "./kept.js";
import { store } from "./store.js";

export const LANGUAGES = ["en", "ru"];
export const language = store(null);

const rooms = [{ en: () => import("../../text/en.js"), ru: () => import("../../text/ru.js") }];
let texts = {};
let plurals;

async function load(room, wanted) {
  Object.assign(texts, (await room[wanted]()).default);
}

/** Adds texts: {en: () => import(...), ru: () => import(...)}. They are there when the promise is kept. */
export async function addTexts(room) {
  if (rooms.includes(room)) return;
  rooms.push(room);
  await load(room, language.get());
}

export function preferredLanguage() {
  const wanted = [recall("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  return wanted.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

export async function setLanguage(wanted) {
  if (wanted === language.get()) return;
  texts = {};
  await Promise.all(rooms.map((room) => load(room, wanted)));
  plurals = new Intl.PluralRules(wanted);
  document.documentElement.lang = wanted;
  keep("language", wanted);
  language.set(wanted);
}

function chosen(text, values) {
  return typeof text === "string" ? text : (text[plurals.select(Number(values.n))] ?? text.other);
}

/** The text of a key; a key that is not there shows itself. */
export function t(key, values = {}) {
  const text = texts[key];
  if (text === undefined) return key;
  return chosen(text, values).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Whether there is such a text: for words of an open list, such as reasons. */
export const told = (key) => key in texts;

/** A word of such a list: its text, or without one the code itself. */
export const word = (room, code) => (told(`${room}.${code}`) ? t(`${room}.${code}`) : code);

/** A text with components in the places of its {names}. */
export function tx(key, values) {
  return chosen(texts[key] ?? key, values)
    .split(/\{(\w+)\}/)
    .map((part, i) => (i % 2 ? (values[part] ?? "") : part));
}
