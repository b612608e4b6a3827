// Start: read the address, fetch the state, follow it.

import { composer, roomLabel, watchEscape } from "./composer.js";
import { byId, h, icon } from "./dom.js";
import { drawModal } from "./modal.js";
import { drawRoom, watchScroll } from "./room.js";
import { drawSidebar, watchDrawer } from "./sidebar.js";
import { changed, channel, follow, go, onChange, readAddress, refresh, store, unread } from "./store.js";
import { drawThread } from "./thread.js";

const THEME = "playground-theme";

function theme(wanted) {
  const root = document.documentElement;
  if (wanted) root.setAttribute("data-theme", wanted);
  const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  byId("theme").onclick = () => {
    localStorage.setItem(THEME, dark ? "light" : "dark");
    theme(dark ? "light" : "dark");
  };
}

function topbar() {
  byId("menu").append(icon("menu", 20));
  byId("theme").append(icon("half"));
  byId("inspect").append(icon("braces", 16), h("span", {}, "Inspect"));
  byId("inspect").onclick = () => {
    store.inspect = !store.inspect;
    byId("inspect").setAttribute("aria-pressed", String(store.inspect));
    changed();
  };
  theme(localStorage.getItem(THEME));
}

function skeleton() {
  byId("pane").replaceChildren(...[62, 40, 78, 54].map((width) =>
    h("div", { class: "skeleton", "aria-hidden": "true" }, h("span", { class: "bone round" }), h("span", { class: `bone w${width}` }))));
}

function draw() {
  byId("lost").hidden = !store.lost;
  if (!store.state) return;
  drawSidebar();
  drawRoom();
  drawThread();
  drawModal();
  const field = byId("composer-text");
  field.placeholder = roomLabel();
  field.setAttribute("aria-label", roomLabel());
  const waiting = store.state.channels.reduce((sum, room) => sum + (room.id === store.room ? 0 : unread(room)), 0);
  document.title = `${waiting ? `(${waiting}) ` : ""}${channel().is_im ? store.state.app.name : `#${channel().name}`} · stand-in for Slack`;
}

async function start() {
  topbar();
  skeleton();
  readAddress();
  byId("composer").append(composer({ threadTs: () => undefined, label: "Message", id: "composer-text" }));
  watchDrawer();
  watchEscape();
  watchScroll();
  onChange(draw);
  addEventListener("hashchange", () => {
    const before = store.me;
    readAddress();
    go({ me: store.me, room: store.room, tab: store.tab });
    if (store.me !== before) refresh();
  });
  document.addEventListener("visibilitychange", () => { if (store.state) draw(); });
  try {
    await refresh();
  } catch {
    store.me = "UADA";
    await refresh().catch(() => { store.lost = true; draw(); });
  }
  follow();
  if (matchMedia("(min-width: 721px)").matches) byId("composer-text").focus();
}

start();
