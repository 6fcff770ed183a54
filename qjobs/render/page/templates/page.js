"use strict";
// What somebody searched, sorted and opened stays so when the page is loaded anew.
const key = `qjobs:${location.pathname}`;
let kept = {};
try { kept = JSON.parse(sessionStorage.getItem(key)) || {}; } catch { /* nothing is kept there */ }
const keep = () => { try { sessionStorage.setItem(key, JSON.stringify(kept)); } catch { /* likewise */ } };
const number = new Intl.NumberFormat("en");
const collator = new Intl.Collator("en", { numeric: true });

for (const section of document.querySelectorAll("[data-table]")) {
  const STEP = 50;
  const wish = kept[section.dataset.table] ||= { words: "", column: -1, down: false, state: "", most: STEP };
  const body = section.querySelector("tbody");
  const rest = section.querySelector("template");
  const rows = [...body.rows, ...(rest ? rest.content.querySelectorAll("tr") : [])];
  const heads = [...section.querySelectorAll("th")];
  const search = section.querySelector("input"), order = section.querySelector("select");
  const more = section.querySelector(".more"), said = section.querySelector("output");
  const nothing = document.createElement("tr");
  nothing.className = "none";
  Object.assign(nothing.insertCell(), { colSpan: heads.length, textContent: "No circuit has all of these words." });
  const texts = new Map();
  const text = row => {
    if (!texts.has(row)) texts.set(row, [...row.cells].map(cell => cell.textContent).join(" ").toLowerCase());
    return texts.get(row);
  };
  const value = row => {
    const cell = row.cells[wish.column];
    const shown = cell ? cell.dataset.v ?? cell.firstElementChild?.textContent ?? cell.textContent : "";
    const parsed = parseFloat(shown);
    return { row, shown, parsed: /^[-+.\d]/.test(shown) && !isNaN(parsed) ? parsed : null };
  };
  const compare = (a, b) =>
    (a.shown === "") - (b.shown === "")
    || (wish.down ? -1 : 1) * (a.parsed !== null && b.parsed !== null ? a.parsed - b.parsed : collator.compare(a.shown, b.shown));
  const show = () => {
    const words = wish.words.toLowerCase().split(/\s+/).filter(Boolean);
    let found = rows.filter(row => (!wish.state || row.dataset.k === wish.state) && words.every(word => text(row).includes(word)));
    const all = found.length;
    if (wish.column >= 0) found = found.map(value).sort(compare).map(entry => entry.row);
    found = found.slice(0, wish.most);
    // A narrow screen has no heads of columns.
    for (const row of found) for (const cell of row.cells) cell.dataset.l ??= heads[cell.cellIndex].dataset.name;
    body.replaceChildren(...(all ? found : [nothing]));
    said.textContent = `${number.format(all)} of ${number.format(rows.length)}`;
    more.hidden = all <= found.length;
    more.textContent = `Show ${number.format(Math.min(10 * STEP, all - found.length))} more of ${number.format(all - found.length)}`;
    heads.forEach((head, at) => {
      if (at === wish.column) head.setAttribute("aria-sort", wish.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    order.value = wish.column < 0 ? "" : `${wish.column}${wish.down ? "-" : "+"}`;
    for (const button of section.querySelectorAll(".filters button")) button.setAttribute("aria-pressed", button.dataset.state === wish.state);
    keep();
  };
  const change = wishes => { Object.assign(wish, { most: STEP }, wishes); show(); };

  order.append(new Option("in the order submitted", ""));
  heads.forEach((head, at) => {
    const name = head.dataset.name = head.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () =>
      change(wish.column !== at ? { column: at, down: false } : wish.down ? { column: -1, down: false } : { down: true }));
    head.replaceChildren(button);
    order.append(new Option(`${name} ↑`, `${at}+`), new Option(`${name} ↓`, `${at}-`));
  });
  order.addEventListener("change", () =>
    change({ column: order.value ? parseInt(order.value) : -1, down: order.value.endsWith("-") }));
  const states = new Map();
  for (const row of rows) states.set(row.dataset.k, (states.get(row.dataset.k) || 0) + 1);
  if (states.size > 1)
    for (const [state, count] of [["", rows.length], ...states]) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.state = state;
      button.textContent = `${state || "all"} ${number.format(count)}`;
      button.addEventListener("click", () => change({ state }));
      section.querySelector(".filters").append(button);
    }
  if (!states.has(wish.state)) wish.state = "";
  search.value = wish.words;
  search.addEventListener("input", () => change({ words: search.value }));
  more.addEventListener("click", () => change({ most: wish.most + 10 * STEP }));
  section.querySelector(".tools").hidden = false;
  show();
  if (kept.typing?.table === section.dataset.table) {
    search.focus({ preventScroll: true });
    search.setSelectionRange(...kept.typing.at);
  }
  search.addEventListener("blur", () => { delete kept.typing; keep(); });
  addEventListener("pagehide", () => {
    if (document.activeElement === search) {
      kept.typing = { table: section.dataset.table, at: [search.selectionStart, search.selectionEnd] };
      keep();
    }
  });
}

kept.open ||= {};
for (const details of document.querySelectorAll("details")) {
  details.open = kept.open[details.id] ?? details.open;
  details.addEventListener("toggle", () => { kept.open[details.id] = details.open; keep(); });
}
for (const time of document.querySelectorAll("time")) time.title = new Date(time.dateTime).toLocaleString();
for (const button of document.querySelectorAll(".copy")) {
  const code = button.previousElementSibling;
  button.hidden = false;
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(code);
    try { await navigator.clipboard.writeText(code.textContent); } catch { if (!document.execCommand("copy")) return; }
    getSelection().empty();
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

const { every, made } = document.documentElement.dataset;
if (every) {
  const live = document.getElementById("live");
  const late = () => {
    const age = (Date.now() - Date.parse(made)) / 1000;
    if (age > 3 * every + 30) {
      live.className = "live stale";
      live.textContent = `nobody has written it for ${age < 120 ? `${Math.round(age)} s` : age < 7200 ? `${Math.round(age / 60)} min` : `${Math.round(age / 3600)} h`}`;
    }
  };
  late();
  setTimeout(() => location.reload(), 1000 * every);
}
