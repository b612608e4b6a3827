// The middle of the page: the head of a room, and its messages or the app's Home.

import { blocks } from "./blocks.js";
import { avatar, byId, h, icon } from "./dom.js";
import { plainValues } from "./elements.js";
import { inspector, messageNode } from "./message.js";
import { channel, go, isReply, markRead, post, store, user } from "./store.js";
import { dayName, sameDay } from "./when.js";

let stuck = true; // the list shows its end
let shownRoom = "";

export function drawRoom() {
  const room = channel();
  const home = room.is_im && store.tab === "home";
  byId("room-head").replaceChildren(...head(room, home));
  byId("composer").hidden = home;
  const pane = byId("pane");
  const where = `${store.me}/${room.id}/${home}`;
  if (shownRoom !== where) {
    stuck = true;
    shownRoom = where;
    if (home) post("home", { tab: "home" });
  }
  pane.classList.toggle("home", home);
  if (home) return pane.replaceChildren(...homeTab());
  keepOrder(pane, messageList(room));
  if (stuck) pane.scrollTop = pane.scrollHeight;
  if (document.visibilityState === "visible") markRead(room);
}

/** Follow the end only while the reader is there. */
export function watchScroll() {
  const pane = byId("pane");
  pane.addEventListener("scroll", () => { stuck = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 60; });
  // A chart that finishes loading makes the list longer.
  pane.addEventListener("load", () => { if (stuck) pane.scrollTop = pane.scrollHeight; }, true);
  new ResizeObserver(() => { if (stuck) pane.scrollTop = pane.scrollHeight; }).observe(pane);
}

/** Put nodes into `parent` in order, without touching those that already stand right. */
export function keepOrder(parent, nodes) {
  nodes.forEach((node, index) => {
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

function head(room, home) {
  if (!room.is_im) {
    return [
      h("h1", {}, icon(room.is_private ? "lock" : "hash", 18), room.name),
      h("p", { class: "topic" }, room.topic),
      h("div", { class: "members", title: room.members.map((id) => user(id)?.name).join(", ") },
        room.members.slice(0, 3).map((id) => avatar(user(id), "tiny")), h("span", {}, room.members.length)),
    ];
  }
  const tab = (id, label) => h("button", {
    role: "tab", type: "button", class: "tab", "aria-selected": String((id === "home") === home), onclick: () => go({ tab: id }),
  }, label);
  return [
    h("h1", {}, avatar(user(store.state.app.user), "small"), store.state.app.name, h("span", { class: "app-tag" }, "APP")),
    h("div", { class: "tabs", role: "tablist" }, tab("home", "Home"), tab("messages", "Messages")),
  ];
}

const dividers = new Map();

function divider(seconds) {
  const said = dayName(seconds);
  if (!dividers.has(said)) dividers.set(said, h("div", { class: "day", role: "separator" }, h("span", {}, said)));
  return dividers.get(said);
}

function messageList(room) {
  const shown = room.messages.filter((message) => !isReply(message));
  const nodes = [intro(room)];
  let before = null;
  for (const message of shown) {
    const seconds = Number(message.ts);
    const newDay = !before || !sameDay(Number(before.ts), seconds);
    if (newDay) nodes.push(divider(seconds));
    const compact = !newDay && before.user === message.user && seconds - Number(before.ts) < 300
      && !message.ephemeral_for && !before.ephemeral_for && !message.notice && !message.bot_id;
    nodes.push(messageNode(message, room, { compact }));
    before = message;
  }
  return nodes;
}

const intros = new Map();

/** The beginning of a room: what it is for, and what a newcomer can try. */
function intro(room) {
  const key = `${room.id}/${room.bot_in}/${store.state.commands.length}`;
  if (!intros.has(key)) {
    const first = store.state.commands[0]?.name ?? "/help";
    const hint = room.is_im
      ? ["Only you and ", h("strong", {}, store.state.app.name), " are here. Ask with ", h("kbd", {}, first), "."]
      : room.bot_in
        ? ["Type ", h("kbd", {}, first), " and send it, or say something. Press ", h("kbd", {}, "/"), " to see every command."]
        : [h("strong", {}, store.state.app.name), " is not in this channel. Type ", h("kbd", {}, "/invite"), " to add it."];
    intros.set(key, h("div", { class: "intro" },
      h("span", { class: "intro-sign" }, room.is_im ? avatar(user(store.state.app.user)) : icon(room.is_private ? "lock" : "hash", 26)),
      h("h2", {}, room.is_im ? store.state.app.name : `#${room.name}`),
      h("p", {}, hint)));
  }
  return intros.get(key);
}

let homeKey = "";
let homeNodes = [];

function homeTab() {
  const view = store.state.home;
  if (!view) {
    return [h("div", { class: "home-wait" }, h("div", { class: "spinner" }), h("p", {}, `${store.state.app.name} is preparing your Home …`),
      h("p", { class: "muted" }, "The app is asked to draw it when you open it."))];
  }
  const key = `${view.id}/${view.hash}/${view.error}/${store.inspect}`;
  if (key !== homeKey) {
    homeKey = key;
    const place = { view_id: view.id, values: plainValues(view.state.values), quiet: (block) => block.type === "input" && !block.dispatch_action };
    homeNodes = [h("div", { class: "home-blocks" }, view.error ? h("div", { class: "view-error", role: "alert" }, view.error) : null,
      blocks(view.blocks, place), store.inspect ? inspector(view) : null)];
  }
  return homeNodes;
}
