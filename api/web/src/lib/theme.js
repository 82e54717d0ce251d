// Light, dark, or as the system says. The choice is an attribute of <html>; the colours are css/tokens.css.
import { keep, recall } from "./kept.js";
import { store } from "./store.js";

export const THEMES = ["system", "light", "dark"];
export const theme = store("system");

export function setTheme(wanted) {
  const known = THEMES.includes(wanted) ? wanted : "system";
  document.documentElement.dataset.theme = known;
  keep("theme", known);
  theme.set(known);
}

export const startTheme = () => setTheme(recall("theme"));
