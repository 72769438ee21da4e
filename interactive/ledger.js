// The filter of the ledger: by chapter, kind, method and words. Choices live in the address.
(() => {
  "use strict";
  const start = () => {
    const form = document.querySelector(".ledger-filter");
    const status = form.querySelector("[role=status]");
    const bodies = [...document.querySelectorAll("table.ledger > tbody")];
    const sections = [...new Set(bodies.map((body) => body.closest("section")))];
    // Read before a formula is set, after which its TeX is gone.
    const texts = new Map(bodies.map((body) => [body, body.textContent.toLowerCase()]));

    const fits = (body, { chapter, kind, method, words }) =>
      (!chapter || body.closest("section").classList.contains(`chapter-${chapter}`))
      && (!kind || body.classList.contains(`kind-${kind}`))
      && (!method || body.classList.contains(`method-${method}`))
      && words.toLowerCase().split(/\s+/).every((word) => texts.get(body).includes(word));

    const update = () => {
      const chosen = Object.fromEntries(new FormData(form));
      for (const body of bodies) body.hidden = !fits(body, chosen);
      for (const section of sections) section.hidden = !section.querySelector("table.ledger > tbody:not([hidden])");
      const shown = bodies.filter((body) => !body.hidden).length;
      status.textContent = shown
        ? `${shown} of ${bodies.length} statements`
        : "No statement fits all of this.";
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
      if (form.elements[name]) form.elements[name].value = value;
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
