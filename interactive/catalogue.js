// The catalogue: rows are filtered by family, verification and words, and sorted by name or year.
(() => {
  "use strict";
  const start = () => {
    const form = document.querySelector(".catalogue-filter");
    const status = form.querySelector("[role=status]");
    const body = document.querySelector("table.catalogue > tbody");
    // Read before a formula is set, after which its TeX is gone.
    const rows = [...body.rows].map((row, place) => ({
      row,
      place,
      name: row.cells[0].querySelector("strong").textContent,
      family: row.cells[0].querySelector(".family").textContent,
      year: Number(row.cells[0].textContent.match(/\d{4}/g).at(-1)),
      verified: row.textContent.includes("not verified here") ? "no" : "yes",
      text: row.textContent.toLowerCase(),
    }));
    const orders = {
      "": (a, b) => a.place - b.place,
      name: (a, b) => a.name.localeCompare(b.name, "en"),
      year: (a, b) => a.year - b.year || a.place - b.place,
    };
    const fits = (entry, { family, verified, words }) =>
      (!family || entry.family === family)
      && (!verified || entry.verified === verified)
      && words.toLowerCase().split(/\s+/).every((word) => entry.text.includes(word));

    const update = () => {
      const chosen = Object.fromEntries(new FormData(form));
      for (const entry of rows) entry.row.hidden = !fits(entry, chosen);
      body.append(...[...rows].sort(orders[chosen.order]).map((entry) => entry.row));
      const shown = rows.filter((entry) => !entry.row.hidden).length;
      status.textContent = shown ? `${shown} of ${rows.length} variants` : "No variant fits all of this.";
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
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
