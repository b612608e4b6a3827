// The left: the workspace, who one acts as, channels and the app.

import { avatar, byId, h, icon } from "./dom.js";
import { go, store, unread, user } from "./store.js";

let open = false; // the list of people

export function drawSidebar() {
  const { state } = store;
  const rooms = state.channels.filter((room) => !room.is_im);
  const dm = state.channels.find((room) => room.is_im);
  byId("sidebar").replaceChildren(
    h("div", { class: "team" }, h("span", { class: "team-name" }, state.team.name), h("span", { class: "team-sub" }, "practice workspace")),
    h("div", { class: "rooms" },
      h("h2", {}, "Channels"),
      h("ul", {}, rooms.map((room) => entry(room, icon(room.is_private ? "lock" : "hash", 16), room.name))),
      h("h2", {}, "Apps"),
      dm ? h("ul", {}, entry(dm, avatar(user(state.app.user), "tiny"), state.app.name, "home")) : null),
    acting(),
  );
}

function entry(room, sign, name, tab = "messages") {
  const count = unread(room);
  const here = room.id === store.room;
  return h("li", {}, h("button", {
    type: "button", class: count && !here ? "entry unread" : "entry", "aria-current": here ? "page" : null,
    onclick: () => { closeDrawer(); go({ room: room.id, tab }); },
  }, sign, h("span", { class: "entry-name" }, name), count && !here ? h("span", { class: "badge", "aria-label": `${count} unread` }, count) : null));
}

/** Five developers: whose eyes one sees the workspace with. */
function acting() {
  const people = store.state.users.filter((one) => !one.is_bot);
  const me = user(store.me);
  const list = h("ul", { class: "people", role: "listbox", "aria-label": "Act as", hidden: !open }, people.map((one) =>
    h("li", { role: "option", "aria-selected": String(one.id === store.me) }, h("button", {
      type: "button", "data-user": one.id,
      onclick: () => { open = false; go({ me: one.id, room: other(one), tab: store.tab }); },
    }, avatar(one, "small"), h("span", {}, one.real_name, h("small", {}, one.tz.replaceAll("_", " "))), one.id === store.me ? icon("check", 16) : null))));
  return h("div", { class: "acting", onfocusout: (event) => {
    if (open && event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) { open = false; list.hidden = true; }
  } },
    list,
    h("button", { type: "button", class: "acting-button", "aria-haspopup": "listbox", "aria-expanded": String(open), onclick: (event) => {
      open = !open;
      list.hidden = !open;
      event.currentTarget.setAttribute("aria-expanded", String(open));
    } },
      avatar(me), h("span", { class: "acting-who" }, h("small", {}, "Acting as"), h("strong", {}, me.real_name)), h("span", { class: "acting-arrow" }, icon("down", 16))));
}

/** The same room for the other person; the app's room is a different one for everybody. */
function other(person) {
  const room = store.state.channels.find((one) => one.id === store.room);
  return room?.is_im ? `D0${person.name.toUpperCase()}` : store.room;
}

export function closeDrawer() {
  document.body.classList.remove("drawer");
  byId("menu").setAttribute("aria-expanded", "false");
  byId("veil").hidden = true;
}

export function watchDrawer() {
  byId("menu").addEventListener("click", () => {
    const now = document.body.classList.toggle("drawer");
    byId("menu").setAttribute("aria-expanded", String(now));
    byId("veil").hidden = !now;
  });
  byId("veil").addEventListener("click", closeDrawer);
}
