// A chart of days. uPlot is fetched when the first chart is drawn; whoever cannot see it has the table beside it.
import { useEffect, useRef } from "preact/hooks";
import { store, useStore } from "../lib/store.js";
import { theme } from "../lib/theme.js";

const HEIGHT_PX = 240;
const dark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = store(dark.matches);
dark.addEventListener("change", () => systemDark.set(dark.matches));

/**
 * `labels`: texts of the x axis; `series`: {title, values, kind: "bars" | "line" | "before"}; `format(value)` writes a value.
 * `summary` says in words what is drawn.
 */
export function Chart({ labels, series, format, summary }) {
  const root = useRef();
  const plot = useRef(null);
  const shownTheme = useStore(theme);
  const shownDark = useStore(systemDark);
  const drawing = JSON.stringify([labels.length, series.map(({ title, kind }) => [title, kind]), shownTheme, shownDark, format(1)]);
  const data = [labels.map((_, i) => i), ...series.map(({ values }) => values)];

  useEffect(() => {
    const canvas = root.current; // the reference is empty before the last turn of the watcher
    let gone = false;
    let watcher;
    import("./plot.js").then(({ draw }) => {
      if (gone) return;
      plot.current = draw(canvas, { labels: () => latest.current, series, format, height: HEIGHT_PX, data: latestData.current });
      watcher = new ResizeObserver(() => plot.current?.setSize({ width: canvas.clientWidth, height: HEIGHT_PX }));
      watcher.observe(canvas);
    });
    return () => {
      gone = true;
      watcher?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [drawing]);

  const latest = useRef(labels);
  const latestData = useRef(data);
  latest.current = labels;
  latestData.current = data;
  useEffect(() => {
    plot.current?.setData(data);
  }, [JSON.stringify(data)]);

  return (
    <figure class="chart">
      <div ref={root} class="chart-canvas" role="img" aria-label={summary} />
      <figcaption>
        {series.map(({ title, kind }) => <span key={title} class={`chart-key ${kind}`}>{title}</span>)}
      </figcaption>
    </figure>
  );
}
