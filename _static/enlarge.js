// A figure of a chapter opens over the page, large enough to be read on a phone, where one pans over
// it. Escape, a click or a tap closes it. Without this script the link leads to the picture.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.enlarge");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    const pictures = [...link.querySelectorAll("img")].map((picture) => {
      const copy = picture.cloneNode(); // one for each theme, of which the style sheet shows one
      copy.removeAttribute("style");
      return copy;
    });
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    dialog.append(close, ...pictures);
    dialog.setAttribute("aria-label", "Figure, enlarged");
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    document.body.append(dialog);
    dialog.showModal();
  });

  // The theme's tooltips stay on a touch screen and on a button that was pressed, and Escape does not
  // close them.
  const hide = () => document.querySelectorAll(".tooltip.show").forEach((tip) => tip.classList.remove("show"));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", hide, true);
  document.addEventListener("click", ({ detail, target }) => { // by a pointer, and not by a key
    if (detail) target.closest?.("[data-bs-toggle='tooltip']")?.blur();
  });

  // Paper is white: what is printed is the light page with the figures for it.
  const page = document.documentElement;
  let theme;
  window.addEventListener("beforeprint", () => {
    theme = page.dataset.theme;
    page.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => { page.dataset.theme = theme; });
})();
