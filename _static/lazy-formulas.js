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

  // What scrolls is the box of a formula on a line of its own, and else the element around it. Of
  // the latter the width of the formula itself counts: glyphs lean out of their boxes by a little.
  const widths = ({ math, box }) => (box.getAttribute("display")
    ? [box.scrollWidth, box.clientWidth]
    : [box.firstElementChild.getBoundingClientRect().width, math.clientWidth]);

  const fit = (formulas) => {
    const found = formulas
      .map((math) => ({ math, box: math.querySelector("mjx-container") }))
      .filter(({ box }) => box);
    for (const { math, box } of found) {
      box.dataset.size ??= box.style.fontSize; // MathJax's own, which matches the text
      box.style.fontSize = box.dataset.size;
      for (const name of ["tabindex", "role", "aria-label"]) math.removeAttribute(name);
    }
    const sized = found.map((one) => {
      const [needed, room] = widths(one);
      return { ...one, size: parseFloat(getComputedStyle(one.box).fontSize), needed, room };
    }).filter(({ needed, room }) => needed > room + 2);
    for (const { box, size, needed, room } of sized) {
      box.style.fontSize = `${size * Math.max(SMALLEST, (0.98 * room) / needed)}px`;
    }
    for (const { math, box } of sized) {
      const [needed, room] = widths({ math, box });
      if (needed <= room + 2) continue;
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
