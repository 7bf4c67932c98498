// Tables that sort by a click on a head, the filter of the ledger, and what is closed opened for paper. Without scripts all rows stay
// where they are.
"use strict";

(() => {
  const rows = (table) => Array.from(table.tBodies[0].rows);

  /** Sort rows by a column; a second click turns the order round. Rows that are equal keep theirs. */
  function sortBy(table, head) {
    const down = head.getAttribute("aria-sort") === "ascending", numeric = "numeric" in head.dataset, column = head.cellIndex;
    const key = (row) => (numeric ? Number(row.cells[column].dataset.key) : row.cells[column].dataset.key);
    const rank = (value) => (Number.isNaN(value) ? -Infinity : value);
    const order = (a, b) => (numeric ? rank(a) - rank(b) : a.localeCompare(b, "en"));
    const sorted = rows(table).sort((one, other) => (down ? -1 : 1) * order(key(one), key(other)));
    for (const each of head.parentElement.cells) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    table.tBodies[0].append(...sorted);
  }

  for (const table of document.querySelectorAll("table.sortable"))
    for (const head of table.tHead.rows[0].cells) head.querySelector("button").addEventListener("click", () => sortBy(table, head));

  let closed = []; // until the page is printed
  window.addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    for (const each of closed) each.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const each of closed) each.open = false;
  });

  const form = document.getElementById("filters"), ledger = document.getElementById("ledger");
  if (!ledger) return;
  const all = rows(ledger), texts = new Map(all.map((row) => [row, row.textContent.toLowerCase()]));

  /** Show the rows that fit every control of the form: all of its words, in any order. */
  function filter() {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (row) => ["paper", "verdict", "kind", "standing"].every((name) => ["", row.dataset[name]].includes(form.elements[name].value))
      && words.every((word) => texts.get(row).includes(word));
    for (const row of all) row.hidden = !fits(row);
    const shown = all.filter((row) => !row.hidden).length;
    document.getElementById("found").textContent = `${shown} of ${all.length} claims`;
    document.getElementById("none").hidden = shown > 0;
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));

  const openAll = document.getElementById("open-all");
  openAll.addEventListener("click", () => {
    const open = openAll.getAttribute("aria-pressed") === "false";
    openAll.setAttribute("aria-pressed", String(open));
    openAll.textContent = open ? "Close all" : "Open all";
    for (const row of all) row.querySelector("details").open = open;
  });

  /** A link to a claim shows it, whatever the filter. */
  function reveal() {
    const row = document.getElementById(location.hash.slice(1));
    if (!all.includes(row)) return;
    if (row.hidden) form.reset();
    row.hidden = false;
    row.querySelector("details").open = true;
    row.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", reveal);
  reveal();
})();
