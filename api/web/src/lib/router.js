// Where the reader is: a path and the filters behind it, both in the URL, so that a link reproduces the view.
import { store } from "./store.js";

function here() {
  return { path: location.pathname, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

export const place = store(here());

/** An address with filters; those that are empty are left out. */
export function address(path, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  return search.size ? `${path}?${search}` : path;
}

export function navigate(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  place.set(here());
}

/** Changes filters of this page; null takes one away. A filter is no new page: the way back leads out of the view. */
export function setQuery(changes) {
  const { path, query } = place.get();
  navigate(address(path, { ...query, ...changes }), { replace: true });
}

/** Values of a pattern such as /join/:code, or null. */
export function match(pattern, path) {
  const wanted = pattern.split("/");
  const given = path.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== given.length) return null;
  const values = {};
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i].startsWith(":")) {
      try {
        values[wanted[i].slice(1)] = decodeURIComponent(given[i]);
      } catch {
        return null; // a broken % names nothing
      }
    } else if (wanted[i] !== given[i]) return null;
  }
  return values;
}

function follow(event) {
  const anchor = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!anchor || !plain || event.defaultPrevented || anchor.target || anchor.hasAttribute("download")) return;
  const url = new URL(anchor.href);
  if (url.origin !== location.origin || /^\/(v1|creatives)\//.test(url.pathname) || url.hash) return;
  event.preventDefault();
  navigate(url.pathname + url.search);
}

export function startRouter() {
  addEventListener("popstate", () => place.set(here()));
  document.addEventListener("click", follow);
}
