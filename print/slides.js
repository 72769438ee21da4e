// Slides: the arrow keys turn them, and each is enlarged or shrunk to what the screen or the paper has
// room for.
(() => {
  "use strict";
  const [SMALLEST, LARGEST] = [0.6, 1.7];
  const slides = [...document.querySelectorAll(".slide")];

  const fits = (slide, content) => {
    const style = getComputedStyle(slide);
    const room = slide.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const box = content.getBoundingClientRect();
    const right = (one) => one.getBoundingClientRect().right;
    const cut = [...content.querySelectorAll("mjx-math, table, svg, img")]
      .some((one) => right(one) > right(one.closest("p, li, td, div")) + 2);
    return box.height <= room && !cut;
  };

  const fit = (slide) => {
    const content = slide.firstElementChild;
    let [low, high] = [SMALLEST, LARGEST];
    for (let step = 0; step < 7; step += 1) {
      const size = (low + high) / 2;
      content.style.zoom = size;
      if (fits(slide, content)) low = size;
      else high = size;
    }
    content.style.zoom = low;
  };

  // Formulas and figures come later than the page, and change the height of their slide then.
  const natural = (content) => Math.round(content.getBoundingClientRect().height / content.style.zoom);
  const seen = new WeakMap();
  const refit = (slide) => {
    const content = slide.firstElementChild;
    if (seen.get(content) === natural(content)) return;
    fit(slide);
    seen.set(content, natural(content));
  };
  const watcher = new ResizeObserver((entries) => entries.forEach((one) => refit(one.target.parentElement)));

  window.addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    await document.fonts.ready;
    slides.forEach((slide) => { fit(slide); watcher.observe(slide.firstElementChild); });
    document.documentElement.dataset.fitted = "yes";
  });
  window.addEventListener("resize", () => slides.forEach(fit));
  for (const [event, printing] of [["beforeprint", true], ["afterprint", false]]) {
    window.addEventListener(event, () => {
      document.documentElement.classList.toggle("printing", printing);
      slides.forEach(fit);
    });
  }

  const STEPS = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
  // Keys that a control has a use for stay with it. PageUp and PageDown turn the slide wherever the
  // focus is: they are what a presenter's remote sends.
  const KEPT = { " ": "button, summary, input, select, textarea, [role=button]", PageDown: null, PageUp: null };
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const { [event.key]: kept = "input, select, textarea" } = KEPT;
    if (kept && event.target.closest(kept)) return;
    event.preventDefault();
    document.activeElement.blur();
    const now = Math.round(window.scrollY / window.innerHeight);
    slides[Math.min(slides.length - 1, Math.max(0, now + step))].scrollIntoView();
  });
})();
