// Bootstrap, 80 kB, serves tooltips and one menu: it is loaded when a reader first points at one, or
// comes there by keyboard. What led to it is then said again, for Bootstrap has not heard it.
(() => {
  "use strict";
  const root = new URL(document.documentElement.dataset.content_root, location.href);
  let loading;
  const load = () => (loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("_static/scripts/bootstrap.js", root);
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  }));

  const AGAIN = {
    pointerover: (target) => target.matches(":hover") &&
      target.dispatchEvent(new MouseEvent("mouseover", { bubbles: true })),
    focusin: (target) => target === document.activeElement &&
      target.dispatchEvent(new FocusEvent("focusin", { bubbles: true })),
    click: (target) => target.dataset.bsToggle === "dropdown" && target.click(),
  };
  const onUse = (event) => {
    const target = event.target.closest?.("[data-bs-toggle]");
    if (target && !window.bootstrap) load().then(() => AGAIN[event.type](target), () => {});
  };
  for (const type of Object.keys(AGAIN)) document.addEventListener(type, onUse, true);

  // The button that leads back to the top is Bootstrap's file's too, and needed before.
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("pst-back-to-top");
    if (!button) return;
    let before = scrollY;
    addEventListener("scroll", () => {
      button.style.display = scrollY < before && scrollY > innerHeight / 2 ? "block" : "none";
      before = scrollY;
    }, { passive: true });
    button.addEventListener("click", () => scrollTo({ top: 0 }));
  });
})();
