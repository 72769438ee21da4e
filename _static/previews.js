// A link to a statement or to a term of the glossary shows what it leads to, on hover and on focus.
// It closes with Escape, stays while the pointer is on it, and takes no part on touch screens.
(() => {
  "use strict";
  const root = new URL(document.documentElement.dataset.content_root, location.href);
  const wanted = /^(thm|def|approx|emp|contested|term)-/;
  let card, shownFor, timer, loading;

  const load = () => (loading ??= new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = new URL("_static/previews/statements.js", root);
    script.onload = () => resolve(window.bookPreviews);
    script.onerror = () => resolve({});
    document.head.append(script);
  }));

  const hide = () => {
    clearTimeout(timer);
    card?.remove();
    shownFor?.removeAttribute("aria-describedby");
    card = shownFor = undefined;
  };

  // Below its link or above it, and in any case inside the window.
  const place = (link) => {
    const box = link.getClientRects()[0] ?? link.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = card;
    const below = innerHeight - box.bottom > height + 12 || box.top < innerHeight / 2;
    const within = (at, size, room) => Math.max(8, Math.min(at, room - size - 8));
    const left = within(box.left, width, document.documentElement.clientWidth);
    const top = within(below ? box.bottom + 6 : box.top - height - 6, height, innerHeight);
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${top + scrollY}px`;
    card.style.visibility = "";
  };

  const show = async (link) => {
    const target = new URL(link.href);
    const key = (target.origin + target.pathname + target.hash).replace(root.origin + root.pathname, "");
    const preview = (await load())[key];
    if (!preview || shownFor !== link) return;
    card = document.createElement("div");
    card.className = "link-preview bd-article";
    card.id = "link-preview";
    card.setAttribute("role", "tooltip");
    card.innerHTML = preview;
    card.style.visibility = "hidden"; // until its formulas are set and its size is known
    document.body.append(card);
    card.addEventListener("mouseenter", () => clearTimeout(timer));
    card.addEventListener("mouseleave", leave);
    link.setAttribute("aria-describedby", card.id);
    await window.MathJax?.typesetPromise?.([card]);
    if (shownFor === link) place(link);
  };

  const enter = (event) => {
    const link = event.target.closest?.('article a[href*="#"]');
    if (!link || !wanted.test(new URL(link.href).hash.slice(1))) return;
    if (link === shownFor) { clearTimeout(timer); return; }
    hide();
    shownFor = link;
    timer = setTimeout(() => show(link), 200);
  };
  const leave = () => {
    clearTimeout(timer);
    timer = setTimeout(hide, 250);
  };

  if (matchMedia("(hover: hover)").matches) {
    document.addEventListener("mouseover", enter);
    document.addEventListener("mouseout", (event) => event.target.closest?.("a") === shownFor && leave());
  }
  document.addEventListener("focusin", enter);
  document.addEventListener("focusout", leave);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

  // A folded box takes a click on its title for its own, and one on a link there for the last box's.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".toggle > .admonition-title a")) event.stopPropagation();
  }, true);
})();
