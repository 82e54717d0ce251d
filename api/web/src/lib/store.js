// A value that components follow.
import { useEffect, useState } from "preact/hooks";

export function store(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore(of) {
  const [, redraw] = useState(of.get);
  useEffect(() => {
    const look = () => redraw(of.get);
    look(); // an effect of a child may have changed it since it was drawn
    return of.subscribe(look);
  }, [of]);
  return of.get();
}
