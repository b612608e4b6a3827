// table and data_table blocks.

import { h } from "./dom.js";
import { plain } from "./mrkdwn.js";
import { richText } from "./richtext.js";

function content(cell) {
  return cell.type === "rich_text" ? richText(cell) : plain(cell.text);
}

function settings(block, index) {
  const one = block.column_settings?.[index] ?? {};
  return [one.align ?? "left", one.is_wrapped ? "wrapped" : ""].join(" ").trim();
}

function row(block, cells, tag) {
  return h("tr", {}, cells.map((cell, index) => {
    const scope = tag === "th" ? "col" : null;
    const numeric = cell.type === "raw_number" ? " number" : "";
    return h(tag, { class: settings(block, index) + numeric, scope }, content(cell));
  }));
}

/** A table: the first row is its head. */
export function table(block) {
  const [head, ...rows] = block.rows;
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Table" },
    h("table", { class: "table" }, h("thead", {}, row(block, head, "th")), h("tbody", {}, rows.map((cells) => row(block, cells, "td")))));
}

/** A data_table: a caption, pages, and columns that sort. */
export function dataTable(block) {
  const [head, ...all] = block.rows;
  const perPage = block.page_size ?? 5;
  const root = h("div", { class: "data-table" });
  let page = 0;
  let sorted = null; // [column, direction]

  const value = (cell) => (cell.type === "raw_number" ? cell.value : cell.text ?? "");
  const ordered = () => {
    if (!sorted) return all;
    const [column, sign] = sorted;
    return [...all].sort((a, b) => {
      const [x, y] = [value(a[column]), value(b[column])];
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
    });
  };
  const turn = (by) => h("button", {
    class: "button small", type: "button", disabled: page + by < 0 || (page + by) * perPage >= all.length,
    onclick: () => { page += by; draw(); },
  }, by < 0 ? "Previous" : "Next");

  function draw() {
    const shown = ordered().slice(page * perPage, (page + 1) * perPage);
    const heads = head.map((cell, index) => h("th", {
      scope: "col", class: settings(block, index),
      "aria-sort": sorted?.[0] === index ? (sorted[1] > 0 ? "ascending" : "descending") : "none",
    }, h("button", { type: "button", class: "sort", onclick: () => {
      sorted = [index, sorted?.[0] === index ? -sorted[1] : 1];
      page = 0;
      draw();
    } }, content(cell))));
    root.replaceChildren(
      h("div", { class: "table-scroll", tabindex: 0 }, h("table", { class: "table" },
        h("caption", {}, block.caption), h("thead", {}, h("tr", {}, heads)),
        h("tbody", {}, shown.map((cells) => row(block, cells, "td"))))),
      all.length > perPage ? h("div", { class: "pager" }, turn(-1),
        h("span", {}, `${page * perPage + 1} to ${page * perPage + shown.length} of ${all.length}`), turn(1)) : h("span"),
    );
  }
  draw();
  return root;
}
