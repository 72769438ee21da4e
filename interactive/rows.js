// The form above tables of rows, of the ledger and the catalogue, kept in the address of the page.
// A menu shows the rows that have the class NAME-VALUE, or stand in or hold what has it.
(() => {
  "use strict";
  const start = () => {
    const form = document.querySelector(".row-filter");
    const { noun } = form.dataset;
    const status = form.querySelector("[role=status]");
    // Read before a formula is set, after which its TeX is gone.
    const rows = [...document.querySelectorAll(form.dataset.rows)].map((row, place) => ({
      row,
      place,
      name: row.querySelector("strong")?.textContent ?? "",
      year: Number(row.querySelector("td").textContent.match(/\d{4}/g)?.at(-1)),
      text: row.textContent.toLowerCase(),
    }));
    // Those with no row that fits go too, but not the one that the form stands in.
    const sections = [...new Set(rows.map(({ row }) => row.closest("section")))]
      .filter((section) => !section.contains(form));
    const menus = [...form.querySelectorAll("select:not([name=order])")].map((menu) => menu.name);
    const orders = {
      "": (a, b) => a.place - b.place,
      name: (a, b) => a.name.localeCompare(b.name, "en"),
      year: (a, b) => a.year - b.year || a.place - b.place,
    };
    const has = (row, name) => row.closest(`.${name}`) || row.querySelector(`.${name}`);
    const fits = ({ row, text }, chosen) =>
      menus.every((name) => !chosen[name] || has(row, `${name}-${chosen[name]}`))
      && chosen.words.toLowerCase().split(/\s+/).every((word) => text.includes(word));

    const update = () => {
      const chosen = Object.fromEntries(new FormData(form));
      for (const entry of rows) entry.row.hidden = !fits(entry, chosen);
      const shown = rows.map((entry) => entry.row).filter((row) => !row.hidden);
      for (const section of sections) section.hidden = !shown.some((row) => section.contains(row));
      if (form.elements.order) {
        const sorted = [...rows].sort(orders[chosen.order]).map((entry) => entry.row);
        rows[0].row.parentElement.append(...sorted);
      }
      status.textContent = shown.length
        ? `${shown.length} of ${rows.length} ${noun}s`
        : `No ${noun} fits all of this.`;
      return chosen;
    };

    const remember = () => {
      const chosen = Object.entries(update()).filter(([, value]) => value);
      const url = new URL(location.href);
      url.search = new URLSearchParams(chosen);
      try {
        history.replaceState(null, "", url);
      } catch { /* some browsers keep the address of a page from disk as it is */ }
    };

    for (const [name, value] of new URLSearchParams(location.search)) {
      const field = form.elements[name];
      if (!field) continue;
      field.value = value;
      if (field.value !== value) field.value = ""; // no such choice
    }
    form.addEventListener("input", remember);
    form.addEventListener("reset", () => setTimeout(remember));
    form.addEventListener("submit", (event) => event.preventDefault());
    update();
    // A link to a row that is filtered out shows all rows.
    const reveal = () => {
      const row = document.getElementById(location.hash.slice(1));
      if (!row?.closest("[hidden]")) return;
      form.reset();
      setTimeout(() => row.scrollIntoView());
    };
    addEventListener("hashchange", reveal);
    reveal();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
