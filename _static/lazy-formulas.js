// Formulas are typeset when they come near the view: a chapter has hundreds, and each is dozens of
// elements. Print typesets all. Until a formula is set, book.css keeps about the room that it takes.
(() => {
  "use strict";
  const SMALLEST = 0.7; // of its size: a formula that is too wide even so scrolls
  // No formula is a tab stop by itself; a wide one becomes one when it scrolls.
  const config = (window.MathJax ??= {});
  config.startup = { ...config.startup, typeset: false };
  config.options = { ...config.options, menuOptions: { settings: { inTabOrder: false } } };

  const isSet = (math) => math.querySelector("mjx-container") !== null;
  let working = Promise.resolve();

  const fit = (formulas) => {
    const wide = formulas
      .map((math) => ({ math, box: math.querySelector('mjx-container[display="true"]') }))
      .filter(({ box }) => box);
    for (const { math, box } of wide) {
      box.style.removeProperty("font-size");
      for (const name of ["tabindex", "role", "aria-label"]) math.removeAttribute(name);
    }
    const sized = wide.map((one) => ({
      ...one,
      size: parseFloat(getComputedStyle(one.box).fontSize),
      share: one.box.clientWidth / one.box.scrollWidth,
    }));
    for (const { box, size, share } of sized) {
      if (share < 0.995) box.style.fontSize = `${size * Math.max(SMALLEST, 0.98 * share)}px`;
    }
    for (const { math, box } of sized) {
      if (box.scrollWidth <= box.clientWidth + 2) continue;
      math.tabIndex = 0;
      math.setAttribute("role", "group");
      math.setAttribute("aria-label", "Formula, wider than the page");
    }
  };

  // Set some formulas; those in the making first. A promise for when they are set.
  const set = (formulas) => (working = working.then(async () => {
    await window.MathJax.startup.promise;
    const open = formulas.filter((math) => math.isConnected && !isSet(math));
    if (!open.length) return;
    await window.MathJax.typesetPromise(open);
    fit(open);
  }).catch((error) => console.error(error)));

  const everyFormula = () => [...document.querySelectorAll("article .math")];
  window.bookFormulas = { all: () => set(everyFormula()) };

  window.addEventListener("load", () => {
    if (!window.MathJax?.startup?.promise) { // it was not loaded: show the TeX
      document.documentElement.classList.add("math-ready");
      return;
    }
    const near = new IntersectionObserver((entries) => {
      const found = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
      found.forEach((math) => near.unobserve(math));
      if (found.length) set(found);
    }, { rootMargin: "60% 0px" });
    everyFormula().forEach((math) => near.observe(math));
  });

  let width = innerWidth;
  window.addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    fit(everyFormula().filter(isSet));
  });
  window.addEventListener("beforeprint", () => {
    try {
      window.MathJax.typeset(everyFormula().filter((math) => !isSet(math)));
    } catch {
      window.bookFormulas.all(); // an extension is still to be fetched
    }
  });
})();
