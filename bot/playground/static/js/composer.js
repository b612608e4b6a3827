// Where one types: Enter sends, a slash offers the app's commands, an at-sign the people.

import { h, icon } from "./dom.js";
import { channel, go, post, store } from "./store.js";

/** A message field; `threadTs` says which thread it writes into, if any. */
export function composer({ threadTs, label, id = null }) {
  let options = [];
  let picked = 0;
  const list = h("ul", { class: "suggestions", role: "listbox", id: `${id ?? "thread"}-list`, hidden: true });
  const note = h("div", { class: "composer-note", role: "status" });
  const send = h("button", { class: "send", type: "button", "aria-label": "Send", disabled: true, onclick: submit }, icon("send", 18));
  const area = h("textarea", {
    id, rows: 1, placeholder: label, "aria-label": label, "aria-controls": list.id, "aria-autocomplete": "list", enterkeyhint: "send",
    oninput: () => { grow(); suggest(); },
    onkeydown: key,
    onblur: () => setTimeout(hide, 120),
  });

  function grow() {
    area.style.setProperty("height", "auto");
    area.style.setProperty("height", `${Math.min(area.scrollHeight, 180)}px`);
    send.disabled = !area.value.trim();
  }

  const hide = () => { list.hidden = true; options = []; };

  /** What could be meant by the word under the cursor. */
  function found() {
    const before = area.value.slice(0, area.selectionStart);
    const command = /^\/[\w-]*$/.exec(before);
    if (command) {
      const typed = command[0].toLowerCase();
      return store.state.commands.filter((one) => one.name.startsWith(typed)).map((one) =>
        ({ insert: `${one.name} `, from: 0, name: one.name, usage: one.usage, summary: one.summary }));
    }
    const at = /(?:^|\s)@([\w-]*)$/.exec(before);
    if (at) {
      return store.state.users.filter((one) => one.name.startsWith(at[1].toLowerCase())).map((one) =>
        ({ insert: `@${one.name} `, from: before.length - at[1].length - 1, name: `@${one.name}`, usage: "", summary: one.real_name }));
    }
    return [];
  }

  function suggest() {
    options = found();
    picked = 0;
    list.hidden = !options.length;
    list.replaceChildren(...options.map((option, index) => h("li", {
      role: "option", "aria-selected": String(index === picked),
      onmousedown: (event) => { event.preventDefault(); take(index); },
    }, h("span", { class: "suggestion-name" }, option.name, option.usage ? h("span", { class: "usage" }, ` ${option.usage}`) : null),
      h("span", { class: "suggestion-summary" }, option.summary))));
  }

  function mark(by) {
    picked = (picked + by + options.length) % options.length;
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === picked)));
    list.children[picked].scrollIntoView({ block: "nearest" });
  }

  function take(index) {
    const option = options[index];
    area.value = area.value.slice(0, option.from) + option.insert + area.value.slice(area.selectionStart);
    const end = option.from + option.insert.length;
    area.setSelectionRange(end, end);
    hide();
    grow();
    area.focus();
  }

  function key(event) {
    if (event.isComposing) return;
    if (!list.hidden && options.length) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        return mark(event.key === "ArrowDown" ? 1 : -1);
      }
      // Enter takes a suggestion, unless the word already is one.
      const option = options[picked];
      const whole = area.value.slice(option.from, area.selectionStart) === option.name;
      if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !whole)) {
        event.preventDefault();
        return take(picked);
      }
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        return hide();
      }
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  }

  async function submit() {
    const text = area.value.trim();
    if (!text) return;
    area.value = "";
    hide();
    grow();
    const where = { channel: store.room, thread_ts: threadTs() };
    const command = /^\/[a-z]/i.exec(text);
    if (!command) {
      note.textContent = "";
      if (!(await post("message", { ...where, text }))) area.value = text;
      return grow();
    }
    const name = text.split(/\s/)[0];
    note.textContent = `${name} …`;
    note.classList.add("waiting");
    const said = await post("command", { ...where, text });
    note.classList.remove("waiting");
    if (!said) area.value = text;
    note.textContent = !said ? "" : said.error ? "" : `${name} was acknowledged after ${said.ack_ms} ms`;
    grow();
  }

  return h("div", { class: "composer-box" },
    h("div", { class: "composer-field" }, list, area, send),
    note);
}

export const roomLabel = () => {
  const room = channel();
  return room.is_im ? `Message ${store.state.app.name}` : `Message #${room.name}`;
};

/** Escape closes the thread when nothing else is open. */
export function watchEscape() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && store.thread && !document.querySelector("dialog[open]")) go({ thread: null });
  });
}
