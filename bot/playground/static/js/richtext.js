// rich_text blocks as DOM nodes.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelName, dateNode, link, mention } from "./mrkdwn.js";

/** A rich_text block, or a rich_text cell of a table. */
export function richText(block) {
  return h("div", { class: "rich-text" }, block.elements.map(part));
}

function part(element) {
  switch (element.type) {
    case "rich_text_section":
      return h("div", { class: "rich-section" }, element.elements.map(word));
    case "rich_text_quote":
      return h("blockquote", {}, element.elements.map(word));
    case "rich_text_preformatted":
      return h("pre", { class: "code-block" }, element.elements.map((one) => one.text ?? one.url));
    case "rich_text_list":
      return list(element);
    default:
      return null;
  }
}

function list(element) {
  const tag = element.style === "ordered" ? "ol" : "ul";
  const start = tag === "ol" && element.offset ? element.offset + 1 : null;
  const node = h(tag, { class: `indent-${element.indent ?? 0}`, start }, element.elements.map((item) => h("li", {}, item.elements.map(word))));
  return node;
}

function word(element) {
  switch (element.type) {
    case "text":
      return styled(element.text.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line])), element.style);
    case "link":
      return styled([link(element.url, element.text ?? "")], element.style);
    case "user":
      return mention(element.user_id);
    case "channel":
      return h("span", { class: "mention" }, `#${channelName(element.channel_id)}`);
    case "usergroup":
      return h("span", { class: "mention" }, `@${element.usergroup_id}`);
    case "broadcast":
      return h("span", { class: "mention loud" }, `@${element.range}`);
    case "emoji":
      return emoji(element.name);
    case "date":
      return dateNode(element.timestamp, element.format, element.url);
    case "color":
      return h("code", {}, element.value);
    default:
      return null;
  }
}

function styled(nodes, style = {}) {
  let inner = nodes;
  for (const [name, tag] of [["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"], ["underline", "u"], ["highlight", "mark"]]) {
    if (style[name]) inner = [h(tag, {}, inner)];
  }
  return inner;
}
