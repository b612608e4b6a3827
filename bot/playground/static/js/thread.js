// The thread at the right: its first message, the replies, and a field of its own.

import { composer } from "./composer.js";
import { byId, h, icon } from "./dom.js";
import { messageNode } from "./message.js";
import { keepOrder } from "./room.js";
import { channel, go, store } from "./store.js";

let shown = "";

export function drawThread() {
  const panel = byId("thread");
  const room = channel();
  const parent = store.thread && room.messages.find((message) => message.ts === store.thread);
  document.body.classList.toggle("with-thread", Boolean(parent));
  panel.hidden = !parent;
  if (!parent) {
    shown = "";
    return;
  }
  const where = `${store.me}/${room.id}/${store.thread}`;
  if (shown !== where) {
    shown = where;
    panel.replaceChildren(
      h("div", { class: "thread-head" }, h("h2", {}, "Thread"), h("span", { class: "muted" }, room.is_im ? room.name : `#${room.name}`),
        h("button", { class: "icon-button", type: "button", "aria-label": "Close thread", onclick: () => go({ thread: null }) }, icon("close"))),
      h("div", { class: "thread-list" }),
      composer({ threadTs: () => store.thread, label: "Reply …" }));
    panel.querySelector("textarea").focus();
  }
  const replies = room.messages.filter((message) => message.thread_ts === store.thread && message.ts !== store.thread);
  const list = panel.querySelector(".thread-list");
  const before = list.childNodes.length;
  const rule = list.querySelector(".reply-rule") ?? h("div", { class: "reply-rule" });
  rule.textContent = replies.length ? `${replies.length} ${replies.length === 1 ? "reply" : "replies"}` : "No replies yet";
  keepOrder(list, [messageNode(parent, room, { inThread: true }), rule, ...replies.map((one) => messageNode(one, room, { inThread: true }))]);
  if (list.childNodes.length !== before) list.scrollTop = list.scrollHeight;
}
