// Modals: the top of the stack that the app has opened for this person.

import { blocks } from "./blocks.js";
import { byId, h, icon } from "./dom.js";
import { plainValues } from "./elements.js";
import { inspector } from "./message.js";
import { textObject } from "./mrkdwn.js";
import { post, store } from "./store.js";

let shown = "";
let values = {};
let errors = {};

export function drawModal() {
  const dialog = byId("modal");
  const view = store.state.views.at(-1);
  if (!view) {
    shown = "";
    if (dialog.open) dialog.close();
    return;
  }
  const key = `${store.me}/${view.id}/${view.hash}/${view.error}/${store.inspect}/${JSON.stringify(errors)}`;
  if (key !== shown) {
    const same = shown.includes(`/${view.id}/`);
    if (!same) errors = {};
    values = same ? { ...plainValues(view.state.values), ...kept(view) } : plainValues(view.state.values);
    shown = key;
    draw(dialog, view);
  }
  if (!dialog.open) {
    dialog.showModal();
    dialog.querySelector("input, textarea, select")?.focus();
  }
}

/** What is typed but not sent yet, for the blocks that are still there. */
const kept = (view) => Object.fromEntries(Object.entries(values).filter(([id]) => view.blocks.some((block) => block.block_id === id)));

function draw(dialog, view) {
  const place = { view_id: view.id, values, errors, quiet: (block) => block.type === "input" && !block.dispatch_action };
  const close = () => post("view", { view_id: view.id, close: true });
  const send = h("button", { class: "button primary", type: "submit" }, h("span", { class: "button-text" }, view.submit ? textObject(view.submit) : "Submit"));
  const form = h("form", { method: "dialog", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    submit(view, send);
  } },
    h("div", { class: "modal-head" }, h("h2", {}, textObject(view.title)),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: close }, icon("close"))),
    h("div", { class: "modal-body" },
      view.error ? h("div", { class: "view-error", role: "alert" }, view.error) : null,
      blocks(view.blocks, place),
      store.inspect ? inspector(view) : null),
    h("div", { class: "modal-foot" },
      h("button", { type: "button", class: "button", onclick: close }, view.close ? textObject(view.close) : "Cancel"),
      view.submit ? send : null));
  dialog.replaceChildren(form);
  dialog.oncancel = (event) => { event.preventDefault(); close(); };
}

async function submit(view, button) {
  button.setAttribute("aria-busy", "true");
  const said = await post("view", { view_id: view.id, values });
  button.removeAttribute("aria-busy");
  if (!said) return;
  errors = said.errors ?? {};
  drawModal();
}
