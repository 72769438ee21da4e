// What the figures of the playground share: elements, controls, numbers, axes, and exact dropout.
// A classic script, because a browser loads no module from a disk.
window.playground = (() => {
  "use strict";

  // ---- Elements -------------------------------------------------------------------------------
  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const html = (tag, attributes, ...children) =>
    fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  // ---- Numbers --------------------------------------------------------------------------------
  // At most four significant digits, as everywhere in the book, and a minus sign that is one.
  const show = (value, digits = 4) => {
    if (Number.isInteger(value)) return String(value).replace("-", "−");
    return String(Number(value.toPrecision(digits))).replace("-", "−");
  };
  const fixed = (value, decimals = 2) => value.toFixed(decimals).replace("-", "−");

  // Uniform numbers of 53 bits in [0, 1) from a seed: sfc32 by Chris Doty-Humphrey.
  const generator = (seed) => {
    let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed >>> 0, 1];
    const word = () => {
      const sum = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = ((c << 21) | (c >>> 11)) + sum | 0;
      return sum >>> 0;
    };
    for (let i = 0; i < 16; i += 1) word();
    return () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;
  };

  // A mask as the sampler of the library defines it: kept with probability q, also at both ends.
  const sampleMask = (n, p, uniform) => Array.from({ length: n }, () => uniform() >= p);
  // Mask number k of 2^n: unit i is bit i, as in dropoutlib.masks.enumerate_masks.
  const maskOf = (k, n) => Array.from({ length: n }, (_, i) => Boolean((k >> i) & 1));
  const numberOf = (mask) => mask.reduce((k, kept, i) => k + (kept ? 2 ** i : 0), 0);
  const kept = (mask) => mask.filter(Boolean).length;
  const weight = (keptUnits, n, p) => p ** (n - keptUnits) * (1 - p) ** keptUnits;

  const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = (values) => {
    const center = mean(values);
    return values.reduce((sum, v) => sum + (v - center) ** 2, 0) / (values.length - 1);
  };

  // ---- Axes -----------------------------------------------------------------------------------
  const scale = (from, to) => {
    const slope = (to[1] - to[0]) / (from[1] - from[0]);
    return Object.assign((v) => to[0] + slope * (v - from[0]), { from, to });
  };
  const ticks = ([low, high], wanted = 5) => {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((m) => m * power >= rough) * power;
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  };
  const horizontalAxis = (x, y, { label, wanted = 6, text = show } = {}) =>
    svg("g", { class: "axis" },
      svg("line", { x1: x.to[0], x2: x.to[1], y1: y, y2: y }),
      ...ticks(x.from, wanted).flatMap((v) => [
        svg("line", { x1: x(v), x2: x(v), y1: y, y2: y + 4 }),
        svg("text", { x: x(v), y: y + 16, "text-anchor": "middle" }, text(v)),
      ]),
      svg("text", { class: "label", x: x.to[1], y: y + 31, "text-anchor": "end" }, label ?? ""));
  const verticalAxis = (y, x, { label, wanted = 4, text = show, right = x } = {}) =>
    svg("g", { class: "axis" },
      ...ticks(y.from, wanted).flatMap((v) => [
        svg("line", { class: "grid", x1: x, x2: right, y1: y(v), y2: y(v) }),
        svg("text", { x: x - 6, y: y(v) + 4, "text-anchor": "end" }, text(v)),
      ]),
      svg("text", { class: "label", x, y: y.to[1] - 10, "text-anchor": "start" }, label ?? ""));
  const path = (points, attributes) =>
    svg("path", { ...attributes, d: points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("") });

  // ---- Figures --------------------------------------------------------------------------------
  let serial = 0;
  class Figure {
    constructor(host) {
      this.controls = html("div", { class: "controls" });
      this.picture = html("div", { class: "picture" });
      this.numbers = html("dl", { class: "numbers" });
      // Announced once the reader pauses; the numbers above it follow every step at once.
      this.status = html("p", { class: "status", role: "status", "aria-live": "polite", id: `play-${serial += 1}` });
      host.replaceChildren(this.controls, this.picture, this.numbers, this.status);
      this.host = host;
    }

    slider(label, { min, max, step, value, text = show }, act) {
      const id = `play-${serial += 1}`;
      // No <output>: the slider speaks for itself, and the status line for the figure.
      const output = html("span", { class: "value", "aria-hidden": "true" }, text(value));
      const input = html("input", { id, type: "range", min, max, step, value });
      const follow = () => {
        output.textContent = text(input.valueAsNumber);
        input.setAttribute("aria-valuetext", text(input.valueAsNumber));
      };
      input.addEventListener("input", () => { follow(); act(input.valueAsNumber); });
      follow();
      this.controls.append(html("div", { class: "control slider" },
        html("label", { for: id }, label), input, output));
      return input;
    }

    choice(label, options, value, act) {
      const name = `play-${serial += 1}`;
      const buttons = Object.entries(options).map(([key, text]) => html("label", {},
        html("input", { type: "radio", name, value: key, checked: key === value ? "" : null, onchange: () => act(key) }),
        html("span", {}, text)));
      this.controls.append(html("fieldset", { class: "control choice" }, html("legend", {}, label),
        html("div", {}, ...buttons)));
    }

    buttons(actions) {
      this.controls.append(html("div", { class: "control buttons" }, ...Object.entries(actions)
        .map(([text, act]) => html("button", { type: "button", onclick: act }, text))));
    }

    // The cells of numbers: { key: [label, text] }, in one order, made once and then filled.
    tell(cells, sentence) {
      for (const [key, [label, text]] of Object.entries(cells)) {
        let cell = this.numbers.querySelector(`[data-number="${key}"]`);
        if (!cell) {
          cell = html("dd", { "data-number": key });
          this.numbers.append(html("div", {}, html("dt"), cell));
        }
        cell.previousElementSibling.textContent = label;
        cell.textContent = text;
      }
      clearTimeout(this.pause);
      const speak = () => { this.status.textContent = sentence; };
      if (this.status.textContent) this.pause = setTimeout(speak, 250);
      else speak();
    }

    // `draw` gets the width in pixels and returns the height, the words for it, and the children.
    drawn(draw) {
      this.redraw = () => {
        const width = Math.max(260, Math.round(this.picture.clientWidth));
        const { height, title, children, live = false } = draw(width);
        const focused = document.activeElement?.getAttribute?.("data-key");
        this.picture.replaceChildren(svg("svg", {
          width, height, viewBox: `0 0 ${width} ${height}`, role: live ? "group" : "img",
          "aria-label": title, "aria-describedby": this.status.id,
        }, ...children));
        if (focused) this.picture.querySelector(`[data-key="${focused}"]`)?.focus();
      };
      let before = 0;
      new ResizeObserver(() => {
        if (this.picture.clientWidth === before) return;
        before = this.picture.clientWidth;
        this.redraw();
      }).observe(this.picture);
    }
  }

  // A figure's script hands over its name and a function that fills it and returns its state,
  // which tests compare with the library.
  const states = {};
  const figure = (name, build) => {
    const start = () => {
      for (const host of document.querySelectorAll(`[data-figure="${name}"]`)) {
        states[name] = build(new Figure(host));
      }
    };
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
    else start();
  };

  return { data: {}, figure, fixed, generator, horizontalAxis, html, kept, maskOf, mean, numberOf,
    path, sampleMask, scale, show, states, svg, ticks, variance, verticalAxis, weight };
})();
