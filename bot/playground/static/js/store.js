// What the page knows: the state of the workspace for one person, kept fresh over server-sent events.

import { toast } from "./dom.js";

const listeners = new Set();

export const store = {
  state: null,
  me: "UADA",
  room: "C0MILESTONE", // a channel id
  tab: "messages", // "messages" or "home", in the app's own room
  thread: null, // the ts of the open thread
  inspect: false,
  lost: false,
};

/** Call `listener` after every change. */
export function onChange(listener) {
  listeners.add(listener);
}

export function changed() {
  for (const listener of listeners) listener();
}

export const user = (id) => store.state.users.find((one) => one.id === id);
export const channel = (id = store.room) => store.state.channels.find((one) => one.id === id);
export const zone = () => user(store.me)?.tz;
export const personName = (id) => (id === "USLACKBOT" ? "Workspace" : user(id)?.name ?? id);

let asked = 0;
let shown = 0;

/** Fetch the state; an older answer never overwrites a newer one. */
export async function refresh() {
  const mine = ++asked;
  const answer = await fetch(`/playground/state?user=${encodeURIComponent(store.me)}`);
  if (!answer.ok) throw new Error(`state: ${answer.status}`);
  const state = await answer.json();
  if (mine < shown || state.me !== store.me) return;
  shown = mine;
  store.state = state;
  if (!channel()) store.room = state.channels[0].id;
  changed();
}

/** POST to the remote control; kind words and null when it fails. */
export async function post(what, body) {
  let answer;
  try {
    answer = await fetch(`/playground/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: store.me, ...body }),
    });
  } catch {
    toast("The workspace does not answer. Is it still running?");
    return null;
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    toast(`That did not work: ${said.error ?? answer.status}. ${(said.why ?? []).join("; ")}`);
    return null;
  }
  return said;
}

/** Follow the workspace until the page closes. */
export function follow() {
  let timer = null;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => refresh().catch(() => {}), 30);
  };
  const stream = new EventSource("/playground/stream");
  stream.onmessage = () => {
    if (store.lost) {
      store.lost = false;
      changed();
    }
    later();
  };
  stream.onerror = () => {
    store.lost = true;
    changed();
    // A restarted workspace starts anew: ask again even when the browser has given the stream up.
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  };
}

/** Read who and where from the address: #UADA/C0MILESTONE or #UADA/D0ADA/home */
export function readAddress() {
  const [who, room, tab] = location.hash.slice(1).split("/");
  if (who) store.me = who;
  if (room) store.room = room;
  store.tab = tab === "home" ? "home" : "messages";
}

/** Go somewhere, and let the address say so. */
export function go({ me = store.me, room = store.room, tab = "messages", thread = null } = {}) {
  const other = me !== store.me;
  Object.assign(store, { me, room, tab, thread });
  history.replaceState(null, "", `#${me}/${room}${tab === "home" ? "/home" : ""}`);
  if (other) refresh().catch(() => toast("The workspace does not answer."));
  else changed();
}

const READ = "playground-read";

function readMarks() {
  try {
    return JSON.parse(localStorage.getItem(READ)) ?? {};
  } catch {
    return {};
  }
}

/** How many messages of others are newer than what this person has seen. */
export function unread(room) {
  const seen = readMarks()[`${store.me}/${room.id}`] ?? "0";
  return room.messages.filter((one) => !one.mine && !one.notice && one.ts > seen && !isReply(one)).length;
}

export function markRead(room) {
  const last = room.messages.at(-1)?.ts;
  const marks = readMarks();
  const key = `${store.me}/${room.id}`;
  if (last && (marks[key] ?? "0") < last) localStorage.setItem(READ, JSON.stringify({ ...marks, [key]: last }));
}

export const isReply = (message) => Boolean(message.thread_ts && message.thread_ts !== message.ts);
