// data_visualization blocks: line, bar, area and pie, drawn as SVG.

import { h, svg } from "./dom.js";

const COLORS = ["#4f46e5", "#0d9488", "#d97706", "#db2777", "#2563eb", "#65a30d"];
const [W, H, LEFT, RIGHT, TOP, BOTTOM] = [520, 240, 48, 12, 12, 36];

export function chart(block) {
  const spec = block.chart;
  const names = spec.type === "pie" ? spec.segments.map((one) => one.label) : spec.series.map((one) => one.name);
  return h("figure", { class: "chart" },
    h("figcaption", {}, block.title),
    svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": spoken(block) }, spec.type === "pie" ? pie(spec) : plot(spec)),
    names.length > 1 || spec.type === "pie"
      ? h("ul", { class: "legend" }, names.map((name, index) => h("li", { color: COLORS[index % COLORS.length] }, name))) : null);
}

function spoken(block) {
  const spec = block.chart;
  const pairs = (points) => points.map((one) => `${one.label} ${one.value}`).join(", ");
  if (spec.type === "pie") return `${block.title}: ${pairs(spec.segments)}`;
  return `${block.title}: ${spec.series.map((one) => `${one.name}: ${pairs(one.data)}`).join("; ")}`;
}

/** Round steps that cover low to high. */
function ticks(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const raw = span / 4;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * size >= raw) * size;
  const first = Math.floor(low / step) * step;
  const found = [];
  for (let at = first; at < high + step * 0.999; at += step) found.push(Number(at.toPrecision(10)));
  return found;
}

function plot(spec) {
  const values = spec.series.flatMap((one) => one.data.map((point) => point.value));
  const low = spec.type === "line" ? Math.min(...values) : Math.min(0, ...values);
  const marks = ticks(low, Math.max(...values, spec.type === "line" ? -Infinity : 0));
  const [from, to] = [marks[0], marks.at(-1)];
  const y = (value) => TOP + (H - TOP - BOTTOM) * (1 - (value - from) / (to - from || 1));
  const labels = spec.axis_config.categories;
  const slot = (W - LEFT - RIGHT) / labels.length;
  const x = (index) => LEFT + slot * (index + 0.5);
  const every = Math.ceil(labels.length / 8);
  return [
    marks.map((mark) => [
      svg("line", { x1: LEFT, x2: W - RIGHT, y1: y(mark), y2: y(mark), class: "grid" }),
      svg("text", { x: LEFT - 6, y: y(mark) + 4, "text-anchor": "end" }, String(mark)),
    ]).flat(),
    labels.map((label, index) => (index % every ? null : svg("text", { x: x(index), y: H - BOTTOM + 16, "text-anchor": "middle" }, label))),
    spec.axis_config.x_label ? svg("text", { x: (LEFT + W) / 2, y: H - 4, "text-anchor": "middle" }, spec.axis_config.x_label) : null,
    spec.series.map((series, index) => SHAPES[spec.type](series, index, spec.series.length, { x, y, slot, from })).flat(),
  ];
}

const SHAPES = {
  bar(series, index, count, { x, y, slot, from }) {
    const width = (slot * 0.7) / count;
    return series.data.map((point, at) => svg("rect", {
      x: x(at) - slot * 0.35 + width * index, width: Math.max(1, width - 2), rx: 2, fill: COLORS[index],
      y: Math.min(y(point.value), y(Math.max(0, from))), height: Math.max(1, Math.abs(y(point.value) - y(Math.max(0, from)))),
    }, svg("title", {}, `${series.name}, ${point.label}: ${point.value}`)));
  },
  line(series, index, count, { x, y }) {
    const path = series.data.map((point, at) => `${at ? "L" : "M"}${x(at)} ${y(point.value)}`).join("");
    return [
      svg("path", { d: path, fill: "none", stroke: COLORS[index], "stroke-width": 2.4, "stroke-linejoin": "round" }),
      ...series.data.map((point, at) => svg("circle", { cx: x(at), cy: y(point.value), r: 3, fill: COLORS[index] },
        svg("title", {}, `${series.name}, ${point.label}: ${point.value}`))),
    ];
  },
  area(series, index, count, scale) {
    const { x, y, from } = scale;
    const top = series.data.map((point, at) => `L${x(at)} ${y(point.value)}`).join("");
    const d = `M${x(0)} ${y(from)}${top}L${x(series.data.length - 1)} ${y(from)}Z`;
    return [svg("path", { d, fill: COLORS[index], "fill-opacity": 0.25 }), ...SHAPES.line(series, index, count, scale)];
  },
};

function pie(spec) {
  const total = spec.segments.reduce((sum, one) => sum + one.value, 0);
  const [cx, cy, r] = [W / 2, H / 2, 104];
  let angle = -Math.PI / 2;
  return spec.segments.map((one, index) => {
    const start = angle;
    angle += (one.value / total) * 2 * Math.PI;
    const at = (turn) => `${cx + r * Math.cos(turn)} ${cy + r * Math.sin(turn)}`;
    const whole = spec.segments.length === 1;
    const shape = whole
      ? svg("circle", { cx, cy, r, fill: COLORS[0] })
      : svg("path", { d: `M${cx} ${cy}L${at(start)}A${r} ${r} 0 ${angle - start > Math.PI ? 1 : 0} 1 ${at(angle)}Z`, fill: COLORS[index], class: "slice" });
    shape.append(svg("title", {}, `${one.label}: ${one.value}`));
    return shape;
  });
}
