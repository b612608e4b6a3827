// One message: who, when, what, and what one can do with it.

import { attachment, blocks, fileCard } from "./blocks.js";
import { avatar, h, icon } from "./dom.js";
import { initialValues } from "./elements.js";
import { emoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { go, post, store, user } from "./store.js";
import { ago, clock, full } from "./when.js";

const kept = new Map(); // key -> {json, node}: a message that did not change keeps its node, its focus and its fields

/** The node of a message; `compact` leaves out who and the picture, `inThread` the thread summary. */
export function messageNode(message, room, { compact = false, inThread = false } = {}) {
  const key = `${store.me}/${room.id}/${message.ts}/${inThread}`;
  const json = JSON.stringify([message, compact, store.inspect, filesOf(message)]);
  const known = kept.get(key);
  if (known?.json === json) return known.node;
  const node = draw(message, room, compact, inThread);
  kept.set(key, { json, node });
  return node;
}

/** Whether the files a message shows have become ready changes how it is drawn. */
const filesOf = (message) => message.blocks.map((block) => store.state.files[block.slack_file?.id]?.ready);

function draw(message, room, compact, inThread) {
  const author = user(message.user);
  const seconds = Number(message.ts);
  const place = { channel: room.id, ts: message.ts, values: initialValues(message.blocks), quiet: (block) => block.type === "input" && !block.dispatch_action };
  const classes = ["message", compact && "compact", message.ephemeral_for && "ephemeral", message.notice && "notice"].filter(Boolean);
  return h("article", { class: classes.join(" "), "data-ts": message.ts, "aria-label": `${name(author)} at ${clock(seconds)}` },
    h("div", { class: "gutter" }, compact ? h("time", { class: "hover-time", title: full(seconds) }, clock(seconds)) : avatar(author)),
    h("div", { class: "message-main" },
      message.ephemeral_for ? h("div", { class: "only-you" }, icon("eye", 14), "Only visible to you") : null,
      compact ? null : h("div", { class: "byline" },
        h("strong", {}, name(author)),
        author?.is_bot ? h("span", { class: "app-tag" }, "APP") : null,
        h("time", { title: full(seconds), datetime: new Date(seconds * 1000).toISOString() }, clock(seconds))),
      body(message, place),
      h("div", { class: "message-tail" }, tail(message, room, inThread)),
      store.inspect ? inspector(message) : null),
    toolbar(message, room, inThread));
}

const name = (author) => author?.real_name ?? "Workspace";

function body(message, place) {
  const parts = message.blocks.length ? blocks(message.blocks, place) : message.text ? [h("div", { class: "text" }, mrkdwn(message.text))] : [];
  if (message.edited && !message.bot_id) parts.push(h("span", { class: "edited" }, "(edited)"));
  return h("div", { class: "message-body" },
    parts,
    message.attachments.map((one) => attachment(one, place)),
    message.files.map(fileCard),
    Object.values(message.unfurls).map((one) => attachment(one, place)));
}

function tail(message, room, inThread) {
  return [
    message.reactions.length ? h("div", { class: "reactions" }, message.reactions.map((one) =>
      h("span", { class: "reaction", title: one.users.map((id) => user(id)?.name ?? id).join(", ") }, emoji(one.name), h("span", {}, one.users.length)))) : null,
    message.reply_count && !inThread ? h("button", { class: "replies", type: "button", onclick: () => openThread(message, room) },
      h("span", { class: "reply-faces" }, message.reply_users.map((id) => avatar(user(id), "tiny"))),
      h("strong", {}, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`),
      h("span", { class: "muted" }, `Last reply ${ago(Number(message.latest_reply))}`)) : null,
  ];
}

const openThread = (message, room) => go({ room: room.id, thread: message.thread_ts ?? message.ts });

function toolbar(message, room, inThread) {
  const buttons = [];
  if (!message.ephemeral_for && !message.notice) {
    if (!inThread) buttons.push(tool("thread", "Reply in thread", () => openThread(message, room)));
    if (room.bot_in) {
      for (const shortcut of store.state.shortcuts) {
        buttons.push(tool("bolt", shortcut.name, () => post("shortcut", { callback_id: shortcut.callback_id, channel: room.id, ts: message.ts })));
      }
    }
  }
  if (message.mine || message.ephemeral_for) {
    buttons.push(tool("close", message.ephemeral_for ? "Dismiss" : "Delete message", () => post("delete", { channel: room.id, ts: message.ts })));
  }
  return buttons.length ? h("div", { class: "toolbar", role: "group", "aria-label": "Message actions" }, buttons) : null;
}

const tool = (sign, label, run) => h("button", { type: "button", class: "icon-button small", title: label, "aria-label": label, onclick: run }, icon(sign, 16));

/** The JSON of a message or view, as the API holds it. */
export function inspector(value) {
  return h("details", { class: "inspector", open: true }, h("summary", {}, "JSON"), h("pre", { tabindex: 0 }, JSON.stringify(value, null, 2)));
}
