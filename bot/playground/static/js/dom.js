// Build DOM nodes. Text only ever enters the page as text nodes: there is no innerHTML anywhere.

const SVG = "http://www.w3.org/2000/svg";

/** h("button", {class: "x", onclick: f, "aria-label": "…"}, "text", node, [nodes]) */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  apply(node, props);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** The same for SVG elements. */
export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  apply(node, props);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

function apply(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") node[name] = value;
    else if (name === "color") node.style.setProperty("--color", value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

export const byId = (id) => document.getElementById(id);

const PATHS = {
  hash: "M9 4L7 20M17 4l-2 16M4 9h17M3 15h17",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  send: "M4 12l16-8-6 16-3-7z",
  thread: "M5 5h14v10H11l-4 4v-4H5z",
  close: "M6 6l12 12M18 6L6 18",
  braces: "M9 4c-3 0-3 2-3 4s0 3-2 4c2 1 2 2 2 4s0 4 3 4M15 4c3 0 3 2 3 4s0 3 2 4c-2 1-2 2-2 4s0 4-3 4",
  menu: "M4 7h16M4 12h16M4 17h16",
  half: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  down: "M6 9l6 6 6-6",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
  people: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M3 20c0-4 3-6 6-6s6 2 6 6M16 5.5a3 3 0 0 1 0 5.5M18 14c2 1 3 3 3 6",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  check: "M5 12l5 5 9-10",
  slash: "M16 4L8 20",
};

/** A line icon; hidden from screen readers, the button around it carries the label. */
export function icon(name, size = 18) {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: size, height: size, class: "icon", "aria-hidden": "true" },
    svg("path", { d: PATHS[name], fill: "none", stroke: "currentColor", "stroke-width": name === "dots" ? 3 : 1.8,
      "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}

/** Coloured initials, or the app's sign. */
export function avatar(user, size = "") {
  if (!user || user.id === "USLACKBOT") {
    return h("span", { class: `avatar slackbot ${size}`, "aria-hidden": "true" }, icon("slash", 20));
  }
  if (user.is_bot) return h("img", { class: `avatar ${size}`, src: "/static/icon.svg", alt: "" });
  const initials = user.real_name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  return h("span", { class: `avatar ${size}`, color: user.color, "aria-hidden": "true" }, initials);
}

/** A short message at the bottom, for things that went wrong. */
export function toast(text) {
  const node = h("div", { class: "toast" }, text);
  byId("toasts").append(node);
  setTimeout(() => node.remove(), 7000);
}
