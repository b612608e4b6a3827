// Block Kit blocks as DOM nodes.

import { chart } from "./chart.js";
import { byId, h, icon } from "./dom.js";
import { element } from "./elements.js";
import { mrkdwn, plain, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { store } from "./store.js";
import { dataTable, table } from "./table.js";

/** All blocks of a message, modal or Home. See elements.js for `place`. */
export function blocks(list, place) {
  return list.map((block) => {
    const make = MAKERS[block.type];
    return make ? make(block, place) : h("div", { class: "unknown" }, `(a ${block.type} block is not drawn here)`);
  });
}

/** Where a picture is: a file of this workspace, or a public address. */
function source(image) {
  if (!image.slack_file) return image.image_url;
  const id = image.slack_file.id ?? Object.keys(store.state.files).find((one) => image.slack_file.url?.includes(`/${one}/`));
  return store.state.files[id]?.url ?? "";
}

export function enlarge(src, alt) {
  const dialog = byId("lightbox");
  dialog.replaceChildren(
    h("button", { class: "icon-button lightbox-close", "aria-label": "Close", onclick: () => dialog.close() }, icon("close", 22)),
    h("figure", {}, h("img", { src, alt }), h("figcaption", {}, alt)),
  );
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.showModal();
}

/** A picture that one can enlarge. */
export function picture(src, alt, title) {
  return h("figure", { class: "picture" },
    title ? h("figcaption", {}, title) : null,
    h("button", { type: "button", class: "picture-button", "aria-label": `Enlarge: ${alt}`, onclick: () => enlarge(src, alt) },
      h("img", { src, alt, loading: "lazy" })));
}

function section(block, place) {
  return h("div", { class: "block section" },
    h("div", { class: "section-main" },
      block.text ? h("div", { class: "section-text" }, textObject(block.text)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "field-cell" }, textObject(field)))) : null),
    block.accessory ? h("div", { class: "accessory" }, accessory(block.accessory, block, place)) : null);
}

function accessory(spec, block, place) {
  return spec.type === "image" ? h("img", { class: "thumb", src: source(spec), alt: spec.alt_text }) : element(spec, block, place);
}

function context(block) {
  return h("div", { class: "block context" }, block.elements.map((one) =>
    one.type === "image" ? h("img", { class: "context-image", src: source(one), alt: one.alt_text }) : h("span", {}, textObject(one))));
}

let fields = 0;

function input(block, place) {
  const field = element(block.element, block, place);
  const target = field.matches("input, textarea, select") ? field : field.querySelector("input.field, select");
  const id = `field-${++fields}`;
  target?.setAttribute("id", id);
  target?.removeAttribute("aria-label");
  const error = place.errors?.[block.block_id];
  const group = !target;
  return h(group ? "fieldset" : "div", { class: error ? "block input wrong" : "block input" },
    h(group ? "legend" : "label", { for: group ? null : id, class: "input-label" }, textObject(block.label),
      block.optional ? h("span", { class: "optional" }, " (optional)") : null),
    field,
    block.hint ? h("div", { class: "hint" }, textObject(block.hint)) : null,
    error ? h("div", { class: "field-error", role: "alert" }, error) : null);
}

const HEADINGS = { 1: "h2", 2: "h3", 3: "h4", 4: "h5" };

const MAKERS = {
  section,
  context,
  input,
  divider: () => h("hr", { class: "block" }),
  header: (block) => h(HEADINGS[block.level] ?? "h3", { class: `block header level-${block.level ?? 1}` }, textObject(block.text)),
  image: (block) => h("div", { class: "block" }, picture(source(block), block.alt_text, block.title?.text)),
  actions: (block, place) => h("div", { class: "block actions" }, block.elements.map((spec) => element(spec, block, place))),
  rich_text: (block) => h("div", { class: "block" }, richText(block)),
  table: (block) => h("div", { class: "block" }, table(block)),
  data_table: (block) => h("div", { class: "block" }, dataTable(block)),
  data_visualization: (block) => h("div", { class: "block" }, chart(block)),
  markdown: (block) => h("div", { class: "block markdown" }, markdown(block.text)),
};

/** The part of Markdown that bots use: headings, lists, fences, bold and links, through mrkdwn. */
function markdown(text) {
  const slackish = text
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replace(/\[([^\]\n]+)\]\((https?:[^)\s]+)\)/g, "<$2|$1>")
    .replace(/\*\*([^*\n]+)\*\*/g, "*$1*")
    .replace(/^#{1,6}\s+(.+)$/gm, "*$1*")
    .replace(/^[-*]\s+/gm, "•\u00a0");
  return mrkdwn(slackish);
}

/** Attachments and link previews: a bar at the left, then blocks or the old fields. */
export function attachment(spec, place) {
  return h("div", { class: "attachment", color: /^#[0-9a-f]{6}$/i.test(spec.color ?? "") ? spec.color : null },
    spec.pretext ? h("div", {}, mrkdwn(spec.pretext)) : null,
    spec.title ? h("strong", {}, plain(spec.title)) : null,
    spec.text ? h("div", {}, mrkdwn(spec.text)) : null,
    blocks(spec.blocks ?? [], place));
}

/** A file under a message. */
export function fileCard(file) {
  if (file.mimetype.startsWith("image/") && file.ready) return picture(file.url, file.alt_txt || file.title, file.title);
  return h("a", { class: "file-card", href: file.url, download: file.name },
    h("span", { class: "file-icon" }, icon("file", 22)),
    h("span", {}, h("strong", {}, file.title), h("small", {}, file.ready ? size(file.size) : "Slack is still processing it")));
}

const size = (bytes) => (bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
