// Slack's mrkdwn and plain_text as DOM nodes. Everything is a text node or one of a few known elements.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { personName, store } from "./store.js";
import { formatDate, full } from "./when.js";

export const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** A text object of Block Kit. */
export function textObject(object) {
  return object.type === "mrkdwn" ? mrkdwn(object.text) : plain(object.text, object.emoji !== false);
}

/** plain_text: only emoji names mean something. */
export function plain(text, withEmoji = true) {
  const nodes = [];
  let at = 0;
  for (const match of withEmoji ? text.matchAll(/:([a-z0-9_+'-]+):/g) : []) {
    nodes.push(...lines(unescape(text.slice(at, match.index))), emoji(match[1]));
    at = match.index + match[0].length;
  }
  nodes.push(...lines(unescape(text.slice(at))));
  return nodes;
}

function lines(text) {
  return text.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}

/** mrkdwn: fences, quotes, then what stands inside a line. */
export function mrkdwn(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(/```\n?([\s\S]+?)```/g)) {
    nodes.push(...paragraphs(text.slice(at, match.index).replace(/\n$/, "")));
    nodes.push(h("pre", { class: "code-block" }, bare(match[1].replace(/\n$/, ""))));
    at = match.index + match[0].length;
  }
  nodes.push(...paragraphs(text.slice(at).replace(at ? /^\n/ : /^(?!)/, "")));
  return nodes;
}

/** What stands in code: entities and angle brackets resolved, nothing else. */
function bare(text) {
  return unescape(text.replace(/<([^<>|]+)\|([^<>]+)>/g, "$2").replace(/<([^<>]+)>/g, "$1"));
}

function paragraphs(text) {
  if (!text) return [];
  const nodes = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, joined(quoted)));
    quoted = [];
  };
  let open = [];
  const close = () => {
    if (open.length) nodes.push(...joined(open));
    open = [];
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>)\s?(.*)$/.exec(line);
    if (quote) {
      close();
      quoted.push(quote[1]);
    } else {
      flush();
      open.push(line);
    }
  }
  flush();
  close();
  return nodes;
}

const joined = (all) => all.flatMap((line, index) => (index ? [h("br"), ...inline(line)] : inline(line)));

const ELEMENTS = { "*": "strong", _: "em", "~": "s" };

/** One line: code spans, angle brackets, emoji, bold, italic, strike. */
function inline(text) {
  const nodes = [];
  let words = "";
  let at = 0;
  const flush = () => {
    if (words) nodes.push(unescape(words));
    words = "";
  };
  while (at < text.length) {
    const rest = text.slice(at);
    const code = /^`([^`]+)`/.exec(rest);
    const angle = /^<([^<>]+)>/.exec(rest);
    const name = /^:([a-z0-9_+'-]+):/.exec(rest);
    const style = opens(text, at) ? closing(text, at) : -1;
    if (code) {
      flush();
      nodes.push(h("code", {}, bare(code[1])));
      at += code[0].length;
    } else if (angle) {
      flush();
      nodes.push(bracket(angle[1]));
      at += angle[0].length;
    } else if (name && !/\w/.test(text[at - 1] ?? " ")) {
      flush();
      nodes.push(emoji(name[1]));
      at += name[0].length;
    } else if (style > 0) {
      flush();
      nodes.push(h(ELEMENTS[text[at]], {}, inline(text.slice(at + 1, style))));
      at = style + 1;
    } else {
      words += text[at++];
    }
  }
  flush();
  return nodes;
}

function opens(text, at) {
  return Object.hasOwn(ELEMENTS, text[at]) && !/[\w*_~]/.test(text[at - 1] ?? " ") && /\S/.test(text[at + 1] ?? " ");
}

function closing(text, at) {
  const sign = text[at];
  let inCode = false;
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === "`") inCode = !inCode;
    if (inCode || text[end] !== sign || end === at + 1) continue;
    if (/\S/.test(text[end - 1]) && !/\w/.test(text[end + 1] ?? " ")) return end;
  }
  return -1;
}

/** What stands in angle brackets: a mention, a channel, a date, or a link. */
function bracket(inside) {
  const [target, label] = split(inside, "|");
  if (target.startsWith("@")) return mention(target.slice(1), label);
  if (target.startsWith("#")) return h("span", { class: "mention" }, `#${label || channelName(target.slice(1))}`);
  if (target.startsWith("!")) return special(target.slice(1), label);
  return link(unescape(target), label ? unescape(label) : "");
}

function split(text, sign) {
  const at = text.indexOf(sign);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

export function mention(id, label = "") {
  return h("span", { class: id === store.me ? "mention me" : "mention" }, `@${label || personName(id)}`);
}

export const channelName = (id) => store.state.channels.find((one) => one.id === id)?.name ?? id;

function special(what, label) {
  const date = /^date\^(-?\d+)\^([^^]+)(?:\^(.+))?$/.exec(what);
  if (date) return dateNode(Number(date[1]), date[2], date[3]);
  if (["here", "channel", "everyone"].includes(what)) return h("span", { class: "mention loud" }, `@${what}`);
  return unescape(label || `<!${what}>`);
}

export function dateNode(seconds, format, url) {
  const node = h("time", { title: full(seconds), datetime: new Date(seconds * 1000).toISOString() }, formatDate(seconds, format));
  return url ? link(unescape(url), node) : node;
}

/** A link that can only lead to the web or to mail; anything else stays text. */
export function link(url, label) {
  let safe = false;
  try {
    safe = ["http:", "https:", "mailto:"].includes(new URL(url).protocol);
  } catch {
    safe = false;
  }
  if (!safe) return typeof label === "string" ? label || url : label;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label || url.replace(/^mailto:/, ""));
}
