// Charts on a canvas, each with its legend in words and its figures as a table beside it.
import { h, table } from "./dom.js";

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Resolve a variable that holds light-dark(…) to the colour of the theme in force. */
function colour(name) {
  const probe = h("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found || ink(name);
}

const STROKES = ["--accent", "--second", "--soft"];
const drawn = new Set();

/**
 * Return a figure. `spec`: title, height, isTime, series [{label, values, dashed, isHidden, fill}],
 * x, marks [{at, label, tone}], xLabel, write (for y values), writeX.
 */
export function chart(spec) {
  const place = h("div", { class: "plot", "aria-hidden": "true" });
  const shown = spec.series.filter((each) => !each.isHidden);
  const legend = h("ul", { class: "legend" }, shown.map((each, index) =>
    h("li", { class: `s${index}` }, h("i"), each.label)));
  const step = Math.max(1, Math.ceil(spec.x.length / 60));
  const rows = spec.x.map((x, index) => ({ x, index })).filter(({ index }) =>
    index % step === 0 || index === spec.x.length - 1);
  const columns = [[spec.xLabel, (row) => spec.writeX(row.x)],
    ...shown.map((each) => [each.label, (row) => spec.write(each.values[row.index]), "num"])];
  const figures = h("details", {}, h("summary", {}, "Figures as a table"),
    table(spec.title, columns, rows));
  const entry = { place, spec, plot: null };
  drawn.add(entry);
  requestAnimationFrame(() => draw(entry));
  return h("figure", {}, h("figcaption", {}, spec.title), legend, place, figures);
}

function draw(entry) {
  const { place, spec } = entry;
  if (!place.isConnected) { drawn.delete(entry); return; }
  entry.plot?.destroy();
  const width = place.clientWidth || 300;
  entry.plot = new uPlot(options(spec, width), [spec.x, ...spec.series.map((s) => s.values)], place);
}

function options(spec, width) {
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--soft"), grid, ticks: { show: false }, font: "12px system-ui" };
  let visible = -1;
  return {
    width, height: spec.height ?? 260, legend: { show: false }, cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: Boolean(spec.isTime) }, y: { range: padded } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map(spec.isTime ? shortDay : spec.writeX), space: 70, size: 32 },
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => spec.write(tick)), size: 76 },
    ],
    series: [{}, ...spec.series.map((each) => {
      if (each.isHidden) return { width: 0, fill: colour(each.fill), fillTo: 0, points: { show: false } };
      visible += 1;
      return { label: each.label, stroke: colour(STROKES[visible]), width: 2, dash: each.dashed ? [5, 4] : undefined,
        points: { show: spec.x.length < 3 } };
    })],
    hooks: { draw: [(plot) => (spec.marks ?? []).forEach((mark) => line(plot, mark))] },
  };
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", timeZone: "UTC" });
const shortDay = (at) => DAY.format(new Date(at * 1000));

function padded(_plot, low, high) {
  if (low === null || high === null) return [0, 1];
  const margin = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - margin, high + margin];
}

function line(plot, { at, label, tone, row = 0, isLeft = false }) {
  const x = plot.valToPos(at, "x", true), { ctx } = plot, { top, height, left, width } = plot.bbox;
  if (x < left || x > left + width) return;
  const scale = devicePixelRatio || 1;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour(tone);
  ctx.lineWidth = scale;
  ctx.setLineDash([3 * scale, 3 * scale]);
  ctx.beginPath(); ctx.moveTo(x, top); ctx.lineTo(x, top + height); ctx.stroke();
  ctx.font = `${11 * scale}px system-ui`;
  // A label that would leave the chart stands on the other side of its line.
  const room = ctx.measureText(label).width + 6 * scale, goesLeft = isLeft ? x - room > left : x + room > left + width;
  ctx.textAlign = goesLeft ? "right" : "left";
  ctx.fillText(label, x + (goesLeft ? -4 : 4) * scale, top + (11 + 14 * row) * scale);
  ctx.restore();
}

/** Draw all charts anew: the theme or the width has changed. */
export function redraw() { for (const entry of [...drawn]) draw(entry); }

let waiting;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
