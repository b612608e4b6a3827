// Emoji by name. The signs that carry status are drawn, so that they look alike where no emoji font is installed.

import { h, svg } from "./dom.js";

const NAMES = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", tada: "🎉", rocket: "🚀", eyes: "👀", wave: "👋", pray: "🙏", fire: "🔥",
  bulb: "💡", lock: "🔒", link: "🔗", bell: "🔔", no_bell: "🔕", robot_face: "🤖", brain: "🧠", bug: "🐛",
  hammer_and_wrench: "🛠️", wrench: "🔧", gear: "⚙️", package: "📦", floppy_disk: "💾", memo: "📝", book: "📖",
  mag: "🔍", calendar: "📅", clock3: "🕒", stopwatch: "⏱️", seedling: "🌱", dart: "🎯", star: "⭐", sparkles: "✨",
  smile: "😄", slightly_smiling_face: "🙂", thinking_face: "🤔", arrow_up: "⬆️", arrow_down: "⬇️", point_right: "👉",
  one: "1️⃣", two: "2️⃣", three: "3️⃣", repeat: "🔁", recycle: "♻️", test_tube: "🧪", microscope: "🔬", scales: "⚖️",
  heavy_check_mark: "✔️", heart: "❤️", raised_hands: "🙌", clap: "👏", muscle: "💪", speech_balloon: "💬",
};

const box = (color) => svg("rect", { x: 1.5, y: 1.5, width: 17, height: 17, rx: 4, fill: color });
const disc = (color) => svg("circle", { cx: 10, cy: 10, r: 8.2, fill: color });
const line = (d, color = "#fff", width = 2.4) =>
  svg("path", { d, fill: "none", stroke: color, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" });
const medal = (color, text) => [disc(color), svg("text", { x: 10, y: 14, "text-anchor": "middle", class: "medal" }, text)];

const DRAWN = {
  white_check_mark: () => [box("#1a9d5c"), line("M5.5 10.5l3 3 6-7")],
  heavy_check_mark: () => [line("M4 11l4 4 8-10", "#1a9d5c", 3)],
  x: () => [line("M4.5 4.5l11 11M15.5 4.5l-11 11", "#d92d4b", 3.2)],
  no_entry: () => [disc("#d92d4b"), line("M6 10h8", "#fff", 3)],
  warning: () => [svg("path", { d: "M10 1.8l8.8 15.7H1.2z", fill: "#f5b301", stroke: "#f5b301", "stroke-linejoin": "round" }),
    line("M10 7.4v4.4M10 14.8v.01", "#3d2b00", 2)],
  question: () => [disc("#7a7d85"), line("M7.4 7.6c.2-3 5.2-3 5.2 0 0 2-2.6 2-2.6 4M10 14.4v.01", "#fff", 1.9)],
  grey_question: () => DRAWN.question(),
  information_source: () => [box("#2f6fde"), line("M10 9.2v5M10 5.8v.01", "#fff", 2.4)],
  hourglass_flowing_sand: () => [line("M5 2.5h10M5 17.5h10M6 2.5c0 4 4 5 4 7.5s-4 3.5-4 7.5M14 2.5c0 4-4 5-4 7.5s4 3.5 4 7.5", "#b7791f", 1.7)],
  hourglass: () => DRAWN.hourglass_flowing_sand(),
  trophy: () => [svg("path", { d: "M5 2h10v5c0 4-2 6-4 6.4V15h3v3H6v-3h3v-1.6C7 13 5 11 5 7z", fill: "#f0b429" }),
    line("M5 4H2.5c0 3 1 5 3 5M15 4h2.5c0 3-1 5-3 5", "#f0b429", 1.6)],
  chart_with_upwards_trend: () => [box("#eef2ff"), line("M4.5 14l4-4 2.5 2.5L15.5 6", "#d92d4b", 2)],
  chart_with_downwards_trend: () => [box("#eef2ff"), line("M4.5 6l4 4 2.5-2.5 4.5 6.5", "#2f6fde", 2)],
  bar_chart: () => [box("#eef2ff"), line("M6 14.5V10M10 14.5V5.5M14 14.5V8", "#4f46e5", 2.6)],
  large_green_circle: () => [disc("#1a9d5c")],
  large_yellow_circle: () => [disc("#f0b429")],
  red_circle: () => [disc("#d92d4b")],
  large_blue_circle: () => [disc("#2f6fde")],
  white_circle: () => [disc("#d5d8df")],
  first_place_medal: () => medal("#f0b429", "1"),
  second_place_medal: () => medal("#a8b0bd", "2"),
  third_place_medal: () => medal("#c98a52", "3"),
};
DRAWN.green_circle = DRAWN.large_green_circle;

/** A node for `:name:`; the name itself where the page does not know it. */
export function emoji(name) {
  if (Object.hasOwn(DRAWN, name)) {
    const label = name.replaceAll("_", " ");
    return svg("svg", { viewBox: "0 0 20 20", class: "emoji", role: "img", "aria-label": label }, svg("title", {}, label), DRAWN[name]());
  }
  if (Object.hasOwn(NAMES, name)) return h("span", { class: "emoji-text", role: "img", "aria-label": name.replaceAll("_", " ") }, NAMES[name]);
  return `:${name}:`;
}
