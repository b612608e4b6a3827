// Interactive elements: buttons, menus, fields. Where they stand ("place") decides what happens when they are used.

import { byId, h, icon } from "./dom.js";
import { plain, textObject } from "./mrkdwn.js";
import { post, store } from "./store.js";

/**
 * place: {channel, ts} for a message, {view_id} for a view; `values` (block_id -> action_id -> plain value) collects
 * what was filled in; `quiet(block)` says that choosing there sends nothing.
 */
export function element(spec, block, place) {
  const make = MAKERS[spec.type];
  return make ? make(spec, block, place) : h("span", { class: "unknown" }, `(${spec.type} is not drawn here)`);
}

/** Tell the app; the button shows that it waits. */
async function act(spec, block, place, value, node) {
  if (spec.confirm && !(await confirmed(spec.confirm))) return;
  node?.setAttribute("aria-busy", "true");
  const { quiet, values, ...where } = place;
  await post("action", { ...where, action_id: spec.action_id, block_id: block.block_id, value, values });
  node?.removeAttribute("aria-busy");
}

function keep(spec, block, place, value) {
  place.values[block.block_id] = { ...place.values[block.block_id], [spec.action_id]: value };
}

/** Keep what was chosen, and tell the app unless the place is quiet. */
function choose(spec, block, place, value, node) {
  keep(spec, block, place, value);
  if (!place.quiet?.(block)) act(spec, block, place, value, node);
}

const held = (spec, block, place) => place.values[block.block_id]?.[spec.action_id];

function confirmed(spec) {
  const dialog = byId("confirm");
  return new Promise((resolve) => {
    const answer = (yes) => () => {
      resolve(yes);
      dialog.close();
    };
    dialog.oncancel = () => resolve(false);
    dialog.replaceChildren(
      h("div", { class: "modal-head" }, h("h2", {}, textObject(spec.title))),
      h("div", { class: "modal-body" }, h("p", {}, textObject(spec.text))),
      h("div", { class: "modal-foot" },
        h("button", { class: "button", onclick: answer(false) }, textObject(spec.deny)),
        h("button", { class: `button ${spec.style === "danger" ? "danger" : "primary"}`, onclick: answer(true) }, textObject(spec.confirm))),
    );
    dialog.showModal();
  });
}

function button(spec, block, place) {
  const node = h("button", {
    class: `button ${spec.style ?? ""}`,
    type: "button",
    "data-action": spec.action_id,
    "aria-label": spec.accessibility_label ?? null,
    onclick: () => {
      if (node.getAttribute("aria-busy") === "true") return;
      if (spec.url) window.open(spec.url, "_blank", "noopener");
      act(spec, block, place, spec.value, node);
    },
  }, h("span", { class: "button-text" }, textObject(spec.text)));
  return node;
}

const optionsOf = (spec) => spec.options ?? (spec.option_groups ?? []).flatMap((group) => group.options);

function optionNodes(spec, chosen) {
  const one = (option) => h("option", { value: option.value, selected: chosen.includes(option.value) }, plain(option.text.text));
  if (spec.option_groups) {
    return spec.option_groups.map((group) => h("optgroup", { label: group.label.text }, group.options.map(one)));
  }
  return spec.options.map(one);
}

function nativeSelect(spec, block, place, options, many = false) {
  const now = held(spec, block, place);
  const chosen = many ? now ?? [] : [now].filter(Boolean);
  const hint = spec.placeholder?.text ?? "Choose";
  const node = h("select", {
    class: many ? "select many" : "select",
    multiple: many,
    "data-action": spec.action_id,
    "aria-label": hint,
    onchange: () => choose(spec, block, place, many ? [...node.selectedOptions].map((one) => one.value) : node.value, node),
  }, many ? [] : h("option", { value: "", selected: !chosen.length, disabled: true }, hint), options(chosen));
  return many ? node : h("span", { class: "select-wrap" }, node, icon("down", 14));
}

const staticSelect = (many) => (spec, block, place) =>
  nativeSelect(spec, block, place, (chosen) => optionNodes(spec, chosen), many);

function listSelect(list, many = false) {
  return (spec, block, place) => nativeSelect(spec, block, place, (chosen) =>
    list().map(([id, name]) => h("option", { value: id, selected: chosen.includes(id) }, name)), many);
}

const people = () => store.state.users.map((one) => [one.id, `@${one.name}`]);
const rooms = () => store.state.channels.filter((one) => !one.is_im).map((one) => [one.id, `#${one.name}`]);

/** A menu whose options the app supplies while one types. */
function externalSelect(spec, block, place) {
  const name = `list-${block.block_id}-${spec.action_id}`;
  const now = held(spec, block, place);
  const list = h("div", { class: "combo-list", role: "listbox", id: name, hidden: true });
  let timer = null;
  const input = h("input", {
    class: "field", type: "text", role: "combobox", autocomplete: "off", "aria-controls": name, "aria-expanded": "false",
    placeholder: spec.placeholder?.text ?? "Type to search", "data-action": spec.action_id,
    value: now?.text?.text ?? "",
    onfocus: () => ask(),
    oninput: () => {
      keep(spec, block, place, null);
      clearTimeout(timer);
      timer = setTimeout(ask, 150);
    },
    onblur: () => setTimeout(hide, 150),
    onkeydown: (event) => {
      const first = list.querySelector("[role=option]");
      if (event.key === "Enter" && first && !list.hidden) {
        event.preventDefault();
        first.click();
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        event.stopPropagation();
        hide();
      }
    },
  });
  const hide = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  };
  async function ask() {
    const typed = input.value;
    if (typed.length < (spec.min_query_length ?? 3)) return hide();
    const { quiet, values, ...where } = place;
    const said = await post("options", { ...where, action_id: spec.action_id, block_id: block.block_id, value: typed });
    if (!said || input.value !== typed) return;
    list.replaceChildren(...(said.options.length ? said.options.map(item) : [h("div", { class: "combo-none" }, "Nothing found")]));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }
  const item = (option) => h("div", {
    role: "option",
    class: "combo-item",
    onmousedown: (event) => event.preventDefault(),
    onclick: () => {
      input.value = option.text.text;
      hide();
      choose(spec, block, place, option, input);
    },
  }, textObject(option.text), option.description ? h("small", {}, textObject(option.description)) : null);
  return h("div", { class: "combo" }, input, list);
}

function overflow(spec, block, place) {
  const menu = h("div", { class: "popup", role: "menu", hidden: true }, spec.options.map((option) =>
    h("button", { role: "menuitem", type: "button", onclick: () => {
      menu.hidden = true;
      if (option.url) window.open(option.url, "_blank", "noopener");
      act(spec, block, place, option.value, node);
    } }, textObject(option.text))));
  const node = h("button", {
    class: "button square", type: "button", "aria-label": "More", "aria-haspopup": "menu", "data-action": spec.action_id,
    onclick: () => { menu.hidden = !menu.hidden; },
    onkeydown: (event) => { if (event.key === "Escape") menu.hidden = true; },
  }, icon("dots"));
  return h("span", { class: "popup-wrap", onfocusout: (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) menu.hidden = true;
  } }, node, menu);
}

function choices(kind) {
  return (spec, block, place) => {
    const many = kind === "checkbox";
    const now = held(spec, block, place);
    const name = `${block.block_id}-${spec.action_id}`;
    const root = h("div", { class: "choices", role: many ? "group" : "radiogroup", "data-action": spec.action_id }, spec.options.map((option) => {
      const input = h("input", {
        type: kind, name, value: option.value, checked: many ? (now ?? []).includes(option.value) : now === option.value,
        onchange: () => {
          const ticked = [...root.querySelectorAll("input:checked")].map((one) => one.value);
          choose(spec, block, place, many ? ticked : ticked[0], root);
        },
      });
      return h("label", { class: "choice" }, input, h("span", {}, textObject(option.text),
        option.description ? h("small", {}, textObject(option.description)) : null));
    }));
    return root;
  };
}

function typed(type) {
  return (spec, block, place) => {
    const tag = spec.multiline ? "textarea" : "input";
    const send = (event) => choose(spec, block, place, event.target.value, event.target);
    return h(tag, {
      class: "field", type: tag === "input" ? type : null, "data-action": spec.action_id,
      placeholder: spec.placeholder?.text ?? null, maxlength: spec.max_length ?? 3000,
      step: type === "number" && spec.is_decimal_allowed ? "any" : null, min: spec.min_value ?? null, max: spec.max_value ?? null,
      value: held(spec, block, place) ?? "",
      oninput: (event) => keep(spec, block, place, event.target.value),
      onkeydown: (event) => { if (event.key === "Enter" && tag === "input") send(event); },
      rows: tag === "textarea" ? 4 : null,
    });
  };
}

function picker(type, read = (value) => value, show = (value) => value ?? "") {
  return (spec, block, place) => h("input", {
    class: "field short", type, "data-action": spec.action_id, "aria-label": spec.placeholder?.text ?? "Date or time",
    value: show(held(spec, block, place)),
    onchange: (event) => choose(spec, block, place, read(event.target.value), event.target),
  });
}

const MAKERS = {
  button,
  overflow,
  static_select: staticSelect(false),
  multi_static_select: staticSelect(true),
  external_select: externalSelect,
  users_select: listSelect(people),
  multi_users_select: listSelect(people, true),
  channels_select: listSelect(rooms),
  multi_channels_select: listSelect(rooms, true),
  conversations_select: listSelect(rooms),
  multi_conversations_select: listSelect(rooms, true),
  checkboxes: choices("checkbox"),
  radio_buttons: choices("radio"),
  plain_text_input: typed("text"),
  number_input: typed("number"),
  email_text_input: typed("email"),
  url_text_input: typed("url"),
  datepicker: picker("date"),
  timepicker: picker("time"),
  datetimepicker: picker("datetime-local", (text) => Date.parse(text) / 1000,
    (seconds) => (seconds ? new Date(seconds * 1000).toISOString().slice(0, 16) : "")),
};

/** From Slack's state object to the plain value that the fields keep. */
export function plainValue(state) {
  if (state.type === "external_select") return state.selected_option;
  if (state.selected_option) return state.selected_option.value;
  if (state.selected_options) return state.selected_options.map((one) => one.value);
  const name = Object.keys(state).find((key) => key !== "type");
  return state[name];
}

/** All plain values of a view's or message's state. */
export function plainValues(state) {
  return Object.fromEntries(Object.entries(state).map(([block, actions]) =>
    [block, Object.fromEntries(Object.entries(actions).map(([action, one]) => [action, plainValue(one)]))]));
}

/** What a message's menus hold at first. */
export function initialValues(blocks) {
  const values = {};
  for (const block of blocks) {
    for (const spec of [...(block.type === "actions" ? block.elements : []), block.accessory, block.element]) {
      if (!spec?.action_id) continue;
      const listed = spec.initial_options?.map((one) => one.value) ?? spec.initial_option?.value;
      const other = Object.entries(spec).find(([key]) => key.startsWith("initial_") && !key.startsWith("initial_option"))?.[1];
      const value = spec.type === "external_select" ? spec.initial_option : listed ?? other;
      if (value !== undefined) values[block.block_id] = { ...values[block.block_id], [spec.action_id]: value };
    }
  }
  return values;
}
