// Answers of the API as components follow them: kept while newer ones are under way, asked again while the page is seen.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "./api.js";
import { address } from "./router.js";

export const FRESH_MS = 5000;
export const SLOW_MS = 30_000; // of what is read row by row
const WAIT_MS = 60_000;

/** Calls `tick` every so often while the page is visible, and at once when it becomes so. */
export function usePolling(tick, every) {
  const latest = useRef(tick);
  latest.current = tick;
  useEffect(() => {
    if (!every) return undefined;
    let timer;
    const stop = () => clearInterval(timer);
    const go = () => {
      stop();
      timer = setInterval(() => latest.current(), every);
    };
    const turn = () => {
      if (document.hidden) return stop();
      latest.current();
      return go();
    };
    if (!document.hidden) go();
    document.addEventListener("visibilitychange", turn);
    return () => {
      stop();
      document.removeEventListener("visibilitychange", turn);
    };
  }, [every]);
}

const equal = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * {data, error, loading, reload} of GET path. A path of null asks nothing. While another question is under way the former answer
 * stays, marked `stale`.
 */
export function useData(path, query = {}, { every = 0 } = {}) {
  const wanted = path && address(path, query);
  const [state, setState] = useState({ of: null, data: undefined, error: null });
  const running = useRef(null);
  const load = useCallback(async () => {
    if (!wanted) return;
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    const limit = setTimeout(() => mine.abort(new ApiError(0, "offline", "")), WAIT_MS);
    try {
      const data = await get(wanted, undefined, mine.signal);
      setState((old) => (old.of === wanted && !old.error && equal(old.data, data) ? old : { of: wanted, data, error: null }));
    } catch (error) {
      if (error.name !== "AbortError") setState((old) => ({ ...old, of: wanted, error }));
    } finally {
      clearTimeout(limit);
      if (running.current === mine) running.current = null;
    }
  }, [wanted]);
  useEffect(() => {
    load();
    return () => running.current?.abort();
  }, [load]);
  usePolling(() => running.current ?? load(), wanted ? every : 0); // a slow answer is waited for
  const current = state.of === wanted;
  return { data: state.data, error: current ? state.error : null, loading: !!wanted && !current, stale: !current, reload: load };
}

/**
 * A list by pages: {rows, error, loading, more, loadMore, reload}. `more` while there are further pages. The first page is asked
 * again every so often as long as no other was read.
 */
export function useList(path, query = {}, { every = 0 } = {}) {
  const [further, setFurther] = useState({ of: null, rows: [], cursor: null });
  const [busy, setBusy] = useState(false);
  const wanted = address(path, query);
  const extended = further.of === wanted && further.rows.length > 0;
  const first = useData(path, query, { every: extended ? 0 : every });
  const cursor = extended ? further.cursor : first.data?.next_cursor;
  async function loadMore() {
    setBusy(true);
    try {
      const page = await get(path, { ...query, cursor });
      setFurther((old) => ({ of: wanted, rows: old.of === wanted ? [...old.rows, ...page.data] : page.data, cursor: page.next_cursor }));
    } finally {
      setBusy(false);
    }
  }
  const reload = () => {
    setFurther({ of: null, rows: [], cursor: null });
    return first.reload();
  };
  const rows = first.data && [...first.data.data, ...(extended ? further.rows : [])];
  return { ...first, rows, busy, more: !first.stale && !!cursor, loadMore, reload };
}
