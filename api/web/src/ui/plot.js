// uPlot in the colours of the page.
import uPlot from "uplot";

const AXIS_PX = 56;
const LABEL_PX = 72;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function seriesOf({ title, kind }) {
  const bars = kind === "bars";
  return {
    label: title,
    stroke: colour(kind === "before" ? "--chart-before" : bars ? "--chart-bar" : "--chart-line"),
    width: bars ? 0 : 1.5,
    dash: kind === "before" ? [4, 4] : undefined,
    fill: bars ? colour("--chart-bar") : undefined,
    paths: bars ? uPlot.paths.bars({ size: [0.62, 34], radius: 0 }) : uPlot.paths.linear(),
    points: { show: false },
  };
}

function tooltip(root, { labels, series, format }) {
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;
  root.append(tip);
  return (plot) => {
    const { idx, left, top } = plot.cursor;
    tip.hidden = idx === null || idx === undefined || left < 0;
    if (tip.hidden) return;
    tip.replaceChildren();
    const head = tip.appendChild(document.createElement("b"));
    head.textContent = labels()[idx];
    series.forEach(({ title }, i) => {
      const line = tip.appendChild(document.createElement("span"));
      line.textContent = `${title}: ${format(plot.data[i + 1][idx])}`;
    });
    const side = left > plot.over.clientWidth / 2 ? -tip.offsetWidth - 12 : 12;
    tip.style.transform = `translate(${plot.over.offsetLeft + left + side}px, ${Math.max(0, top - 20)}px)`;
  };
}

const WHOLE = [1, 2, 5].flatMap((first) => Array.from({ length: 15 }, (_, i) => first * 10 ** i)).sort((one, other) => one - other);

export function draw(root, { labels, series, format, height, data }) {
  const font = `12px ${getComputedStyle(root).fontFamily}`;
  const axis = { font, stroke: colour("--ink-2"), ticks: { show: false } };
  const move = tooltip(root, { labels, series, format });
  return new uPlot({
    width: root.clientWidth, height,
    padding: [12, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    hooks: { setCursor: [move] },
    scales: { x: { time: false, range: (_, min, max) => [min - 0.5, max + 0.5] }, y: { range: (_, min, max) => [Math.min(0, min), Math.max(max, 1) * 1.08] } },
    series: [{}, ...series.map(seriesOf)],
    axes: [
      { ...axis, grid: { show: false }, size: 26, border: { show: true, stroke: colour("--ink"), width: 1 },
        splits: (plot, _, min, max) => {
          const step = Math.max(1, Math.ceil((max - min) / Math.max(1, Math.floor(plot.width / LABEL_PX))));
          return data[0].filter((i) => i % step === 0);
        },
        values: (_, splits) => splits.map((i) => labels()[i] ?? "") },
      { ...axis, size: AXIS_PX, incrs: WHOLE, space: 48, grid: { stroke: colour("--rule"), width: 1 }, values: (_, splits) => splits.map((value) => format(value, true)) },
    ],
  }, data, root);
}
