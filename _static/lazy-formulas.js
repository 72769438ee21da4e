// Formulas are typeset when they come near the view, and are TeX again when they are far from it: a
// chapter has hundreds, and each is dozens of elements. Print typesets all. Until a formula is set,
// book.css keeps about the room that it takes, and afterwards it keeps its own.
(() => {
  "use strict";
  const READABLE = 0.85; // of its size: a formula that would be smaller is broken, if it can be
  const TOO_SMALL = 0.8;
  const MARK = 10; // pixels for the comma behind a formula
  const SMALLEST = 0.7; // a formula that is too wide even so scrolls
  const config = (window.MathJax ??= {});
  config.startup = { ...config.startup, typeset: false };

  const tex = new WeakMap(); // what stood in an element before its formula was set

  const isSet = (math) => math.querySelector("mjx-container") !== null;
  let working = Promise.resolve();

  // What scrolls is the box of a formula on a line of its own, and else the element around it. Of
  // the latter the width of the formula itself counts: glyphs lean out of their boxes by a little.
  // The parts of a formula that was broken in the text have the whole line.
  const lineWidth = (element) => {
    const style = getComputedStyle(element);
    if (style.display === "inline") return lineWidth(element.parentElement);
    return element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  };
  const widths = ({ math, box }) => (box.getAttribute("display")
    ? [box.scrollWidth, box.clientWidth]
    : [box.firstElementChild.getBoundingClientRect().width,
      math.matches(".broken") ? lineWidth(math) - MARK : math.clientWidth]);
  const boxesOf = (math) =>
    [...math.querySelectorAll("mjx-container")].map((box) => ({ math, box }));

  const fit = (formulas) => {
    const found = formulas.flatMap(boxesOf);
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

  // A formula that would be small is broken first: at its wide spaces, and if that is not enough
  // before its relations, and before its signs if it would scroll; never inside of brackets.
  const TOKEN = /\\(?:[a-zA-Z]+|.)|[^\\]/gs;
  const OPENS = /^(?:[{([]|\\(?:\{|left|begin|l[vV]ert|lfloor|lceil|langle))$/;
  const CLOSES = /^(?:[})\]]|\\(?:\}|right|end|r[vV]ert|rfloor|rceil|rangle))$/;
  const BAR = /^(?:\||\\\|)$/;
  const SPACE = /^\\qquad$/;
  const RELATION = /^(?:[=<>]|\\(?:le|ge|approx|to|propto))$/;
  const SIGN = /^[+-]$/;

  const QUAD = /^\\quad$/;
  const ROW = "\\\\";
  const GOES_ON = /^\s*(?:[=<>+-]|\\(?:le|ge|approx|to|propto)(?![a-zA-Z]))/;
  // What is aligned in columns is broken within its rows.
  const ALIGNED =
    /^\s*(?:\\begin\{(?:split|aligned)\}\s*)+|(?:\s*\\end\{(?:split|aligned)\})+\s*$/g;

  // The parts of some TeX between such places; with `kept`, a part goes on to its second relation.
  const parts = (text, places, kept) => {
    const found = [""];
    let [depth, inBars, relations, last] = [0, false, 0, ""];
    const begin = (start) => {
      found.push(start);
      relations = 0;
    };
    const plain = text.replace(ALIGNED, "").replace(/&&/g, "\\qquad ");
    for (const [token] of plain.matchAll(TOKEN)) {
      const free = depth === 0 && !inBars;
      const first = RELATION.test(token) && kept && relations === 0;
      const unary = SIGN.test(token) && !/[\w)\]}]$/.test(last);
      // A sign on the left side stays there.
      const left = SIGN.test(token) && relations === 0 && !GOES_ON.test(found.at(-1));
      const place = places.some((one) => one.test(token)) && !first && !unary && !left;
      if (depth === 0 && token === ROW) {
        begin("");
      } else if (free && place && found.at(-1).trim()) {
        begin(SPACE.test(token) || QUAD.test(token) ? "" : token);
      } else if (depth > 0 || token !== "&") {
        found[found.length - 1] += token;
      }
      relations += depth === 0 && RELATION.test(token);
      depth += OPENS.test(token) - CLOSES.test(token);
      inBars = inBars !== (depth === 0 && BAR.test(token));
      last = token.trim() ? token : last;
    }
    return found;
  };

  const inLines = (text, { places, kept }) => {
    const [, inner = ""] = /^\s*\\\[(.*)\\\]\s*$/s.exec(text) ?? [];
    const lines = parts(inner, places, kept);
    const rows = lines.map((line) => (GOES_ON.test(line) ? `& \\quad {} ${line}` : `& ${line}`));
    return lines.length > parts(inner, []).length
      && [`\\[ \\begin{aligned} ${rows.join(" \\\\[0.5em] ")} \\end{aligned} \\]`];
  };

  const inText = (text, { places }) => {
    const [, inner = ""] = /^\s*\\\((.*)\\\)\s*$/s.exec(text) ?? [];
    const found = parts(inner, places).map((part, i) => `\\(${i ? "{} " : ""}${part}\\)`);
    return found.length > 1
      && found.flatMap((part, i) => (i ? [document.createElement("wbr"), part] : [part]));
  };

  // The ways to break a formula, tried in turn while it is smaller than such a share of its size;
  // the best one is taken. A left side that stands alone is a last resort.
  const WAYS = {
    div: [
      { places: [SPACE], below: READABLE },
      { places: [SPACE, RELATION], kept: true, below: READABLE },
      { places: [SPACE, QUAD, RELATION, SIGN], kept: true, below: READABLE },
      { places: [SPACE, RELATION], below: TOO_SMALL },
      { places: [SPACE, QUAD, RELATION, SIGN], below: TOO_SMALL },
    ],
    span: [{ places: [RELATION], below: 1 }, { places: [RELATION, SIGN], below: READABLE }],
  };
  const share = (math) => Math.min(1, ...boxesOf(math).map(widths)
    .map(([needed, room]) => (needed > room + 2 ? room / needed : 1)));

  const replace = async (changed) => {
    if (!changed.length) return;
    window.MathJax.typesetClear(changed.map(([math]) => math));
    for (const [math, nodes] of changed) {
      const whole = tex.get(math).map((node) => node.cloneNode(true));
      math.classList.toggle("broken", nodes !== null && math.localName === "span");
      math.replaceChildren(...(nodes ?? whole));
    }
    await window.MathJax.typesetPromise(changed.map(([math]) => math));
  };

  const breakUp = async (formulas) => {
    const source = (math) => tex.get(math).map((node) => node.textContent).join("");
    const tried = new Map(); // of each formula that is too wide: how it is now, and the best way
    for (const math of formulas) {
      const now = share(math);
      if (now < WAYS[math.localName][0].below) tried.set(math, [now, now, null]);
    }
    for (const [name, ways] of Object.entries(WAYS)) {
      for (const way of ways) {
        const changed = [...tried.keys()]
          .filter((math) => math.localName === name && tried.get(math)[1] < way.below)
          .map((math) => [math, (name === "div" ? inLines : inText)(source(math), way)])
          .filter(([, nodes]) => nodes);
        await replace(changed);
        for (const [math, nodes] of changed) {
          const [, best, how] = tried.get(math);
          const now = share(math);
          tried.set(math, now > best ? [now, now, nodes] : [now, best, how]);
        }
      }
    }
    const ends = [];
    for (const [math, [now, best, nodes]] of tried) {
      // A part of a line that is too wide even so would leave the page: there the whole scrolls.
      if (math.matches(".broken") && best < SMALLEST) ends.push([math, null]);
      else if (now < best) ends.push([math, nodes]);
    }
    await replace(ends);
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
      math.classList.remove("broken");
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
    // The room for text changes after the window has, where the contents beside it come or go.
    const article = document.querySelector("article");
    let width = article.clientWidth;
    new ResizeObserver(() => {
      if (article.clientWidth === width || matchMedia("print").matches) return;
      width = article.clientWidth;
      const found = everyFormula().filter(isSet);
      release(found); // broken otherwise, or not at all
      set(found);
    }).observe(article);
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
