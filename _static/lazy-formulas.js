// Formulas are typeset when they come near the view, and are TeX again when they are far from it: a
// chapter has hundreds, and each is dozens of elements. Print typesets all. Until a formula is set,
// book.css keeps about the room that it takes, and afterwards it keeps its own.
(() => {
  "use strict";
  const SMALLEST = 0.7; // of its size: a formula that is too wide even so scrolls
  const config = (window.MathJax ??= {});
  config.startup = { ...config.startup, typeset: false };

  const tex = new WeakMap(); // what stood in an element before its formula was set

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
      math.tabIndex = 0; // what scrolls can be reached by keyboard; no other formula is a tab stop
      math.setAttribute("role", "group");
      math.setAttribute("aria-label", "Formula, wider than the page");
    }
  };

  // A formula on a line of its own that would scroll is broken first: at its wide spaces, and if that
  // is not enough before its relations as well, never inside of brackets.
  const TOKEN = /\\(?:[a-zA-Z]+|.)|[^\\]/gs;
  const OPENS = /^(?:[{([]|\\(?:\{|left|begin))$/;
  const CLOSES = /^(?:[})\]]|\\(?:\}|right|end))$/;
  const SPACE = /^\\qquad$/;
  const RELATION = /^(?:[=<>]|\\(?:le|ge|approx|to|propto))$/;

  const inLines = (text, places) => {
    const [, inner = ""] = /^\s*\\\[(.*)\\\]\s*$/s.exec(text) ?? [];
    const lines = [""];
    let depth = 0;
    for (const [token] of inner.matchAll(TOKEN)) {
      if (depth === 0 && lines.at(-1).trim() && places.some((place) => place.test(token))) {
        lines.push(SPACE.test(token) ? "" : `\\quad {} ${token}`);
      } else {
        lines[lines.length - 1] += token;
      }
      depth += OPENS.test(token) - CLOSES.test(token);
    }
    const rows = lines.map((line) => `& ${line}`).join(" \\\\[0.5em] ");
    return lines.length > 1 && `\\[ \\begin{aligned} ${rows} \\end{aligned} \\]`;
  };

  const scrolls = (math) => {
    const box = math.querySelector("mjx-container[display]");
    return box && SMALLEST * box.scrollWidth > box.clientWidth;
  };

  const breakUp = async (formulas) => {
    for (const places of [[SPACE], [SPACE, RELATION]]) {
      const source = (math) => tex.get(math).map((node) => node.textContent).join("");
      const broken = formulas.filter(scrolls)
        .map((math) => [math, inLines(source(math), places)]).filter(([, text]) => text);
      if (!broken.length) continue;
      window.MathJax.typesetClear(broken.map(([math]) => math));
      for (const [math, text] of broken) math.replaceChildren(text);
      await window.MathJax.typesetPromise(broken.map(([math]) => math));
    }
  };

  const remember = (math) => {
    math.style.minWidth = math.style.height = ""; // the room of a formula that was set before
    tex.set(math, [...math.childNodes].map((node) => node.cloneNode(true)));
  };

  // Set some formulas; those in the making first. A promise for when they are set.
  const set = (formulas) => (working = working.then(async () => {
    if (!formulas.length) return; // a page without formulas has no MathJax either
    await window.MathJax.startup.promise;
    const open = formulas.filter((math) => math.isConnected && !isSet(math));
    if (!open.length) return;
    await fonts();
    open.forEach(remember);
    await window.MathJax.typesetPromise(open);
    await breakUp(open);
    fit(open);
  }).catch((error) => console.error(error)));

  // Make formulas TeX again, in the room that they took.
  const release = (formulas) => {
    const boxes = formulas.filter((math) => math.isConnected && isSet(math))
      .map((math) => [math, math.getBoundingClientRect()]);
    for (const [math, box] of boxes) {
      window.MathJax.typesetClear([math]);
      for (const name of ["tabindex", "role", "aria-label"]) math.removeAttribute(name);
      math.replaceChildren(...tex.get(math));
      math.style.height = `${box.height}px`;
      if (math.localName === "span") math.style.minWidth = `${box.width}px`;
    }
  };

  // Without MathJax's fonts its lines are taller than with them, so that the page would jump.
  const FONTS = {
    MJXZERO: "MathJax_Zero",
    MJXTEX: "MathJax_Main-Regular",
    "MJXTEX-I": "MathJax_Math-Italic",
  };
  let loading = null;
  const fonts = () => (loading ??= Promise.all(Object.entries(FONTS).map(([family, file]) => {
    const { fontURL } = window.MathJax.startup.output.font.options;
    const face = new FontFace(family, `url("${fontURL}/${file}.woff")`);
    document.fonts.add(face);
    return face.load().catch(() => {}); // another font stands in
  })));

  const everyFormula = () => [...document.querySelectorAll("article .math")];
  let keeping = false; // all that is set, for print
  window.bookFormulas = { all: () => { keeping = true; return set(everyFormula()); } };

  window.addEventListener("load", () => {
    if (!window.MathJax?.startup?.promise) { // it was not loaded: show the TeX
      document.documentElement.classList.add("math-ready");
      return;
    }
    const watch = (margin, act) => {
      const observer = new IntersectionObserver((entries) => act(entries), { rootMargin: margin });
      everyFormula().forEach((math) => observer.observe(math));
    };
    const inside = (entries, wanted) =>
      entries.filter((entry) => entry.isIntersecting === wanted).map((entry) => entry.target);
    watch("60% 0px", (entries) => set(inside(entries, true)));
    watch("150% 0px", (entries) => keeping || release(inside(entries, false)));
  });

  // What is set on the way to the end of a page moves the end: go on until it stays.
  let ending = 0;
  const toTheEnd = async () => {
    const turn = (ending += 1);
    const page = document.documentElement;
    let height;
    for (let calm = 0; calm < 3 && turn === ending; calm = page.scrollHeight === height ? calm + 1 : 0) {
      height = page.scrollHeight;
      scrollTo({ top: height, behavior: "instant" });
      await new Promise((resolve) => setTimeout(resolve, 60)); // the observer reports what is near
      await working;
    }
  };
  for (const name of ["wheel", "pointerdown", "touchstart"]) addEventListener(name, () => { ending += 1; }, { passive: true });
  addEventListener("keydown", (event) => {
    ending += 1;
    const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.key === "End" && !typing && !event.shiftKey) toTheEnd();
  });

  let width = innerWidth;
  window.addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    const found = everyFormula().filter(isSet);
    release(found.filter((math) => math.localName === "div")); // broken otherwise, or not at all
    fit(found.filter(isSet));
    set(found);
  });
  window.addEventListener("beforeprint", () => {
    const open = everyFormula().filter((math) => !isSet(math));
    open.forEach(remember);
    try {
      window.MathJax.typeset(open);
    } catch {
      window.bookFormulas.all(); // an extension is still to be fetched
    }
  });
})();
