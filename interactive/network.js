// A network of two hidden layers whose units are dropped by hand or by lot.
playground.figure("network", (figure) => {
  "use strict";
  const { fixed, generator, horizontalAxis, kept, maskOf, numberOf, path, sampleMask, scale, show, svg, weight } = playground;

  const SIZES = [2, 5, 4, 1];
  const N = 9; // the hidden units; the first five bits of a mask are the first layer
  const x = [1, 0.5];
  const W1 = [[0.9, -0.4], [-0.7, 1.2], [0.5, 0.8], [1.1, 0.3], [-0.2, 0.9]];
  const b1 = [0.1, 0.2, -0.3, 0, 0.1];
  const W2 = [[0.8, 0.5, -0.9, 0.6, 0.3], [-0.5, 0.9, 0.7, 0.4, -0.8], [0.6, -0.7, 0.5, -0.3, 0.9], [0.7, 0.2, 0.4, -0.9, 0.5]];
  const b2 = [-0.1, 0.1, 0, 0.2];
  const W3 = [[0.9, -0.8, 1.1, 0.7]];
  const b3 = [0.1];

  const relu = (v) => Math.max(0, v);
  const affine = (W, b, v) => W.map((row, i) => row.reduce((sum, w, j) => sum + w * v[j], b[i]));
  // Inverted dropout on both hidden layers; without a mask, inference.
  const forward = (mask, p) => {
    const drop = (h, from) => (mask ? h.map((v, i) => (mask[from + i] ? v / (1 - p) : 0)) : h);
    const h1 = drop(affine(W1, b1, x).map(relu), 0);
    const h2 = drop(affine(W2, b2, h1).map(relu), 5);
    return { h1, h2, y: affine(W3, b3, h2)[0] };
  };

  const uniform = generator(7);
  let p = 0.5;
  let mask = maskOf(511 - 4 - 64, N);
  let seen = new Set([numberOf(mask)]);
  let sum = 0;
  let draws = 0;
  let all = [];

  const average = () => {
    all = Array.from({ length: 2 ** N }, (_, k) => {
      const m = maskOf(k, N);
      return { y: forward(m, p).y, weight: weight(kept(m), N, p) };
    });
    return all.reduce((total, one) => total + one.weight * one.y, 0);
  };
  let exact = average();

  const visit = (next) => { mask = next; seen.add(numberOf(mask)); };
  const draw = (times) => {
    for (let i = 0; i < times; i += 1) {
      visit(sampleMask(N, p, uniform));
      sum += forward(mask, p).y;
      draws += 1;
    }
    update();
  };
  const restart = () => { sum = 0; draws = 0; };

  figure.slider("Drop probability p", { min: 0, max: 0.9, step: 0.05, value: p, text: (v) => fixed(v) }, (value) => {
    p = value;
    restart();
    exact = average();
    update();
  });
  figure.buttons({
    "Draw a mask": () => draw(1),
    "Draw 100": () => draw(100),
    "Keep all": () => { visit(Array(N).fill(true)); update(); },
    "Drop all": () => { visit(Array(N).fill(false)); update(); },
  });

  const toggle = (unit) => { visit(mask.map((k, i) => (i === unit ? !k : k))); update(); };

  const places = (width) => SIZES.map((size, layer) => Array.from({ length: size }, (_, i) => ({
    x: 34 + (layer * (width - 68)) / (SIZES.length - 1),
    y: 30 + ((i + 0.5) * 225) / size,
  })));

  const edges = (at, state) => [W1, W2, W3].flatMap((W, layer) => W.flatMap((row, i) => row.map((w, j) => {
    const from = layer === 0 ? true : mask[(layer === 1 ? 0 : 5) + j];
    const to = layer === 2 ? true : mask[(layer === 0 ? 0 : 5) + i];
    return svg("line", {
      class: `edge ${from && to ? (w > 0 ? "plus" : "minus") : "off"}`,
      x1: at[layer][j].x, y1: at[layer][j].y, x2: at[layer + 1][i].x, y2: at[layer + 1][i].y,
      "stroke-width": (0.5 + 2 * Math.abs(w)).toFixed(2),
    });
  })));

  const unit = (place, text, attributes) => svg("g", attributes,
    svg("circle", { cx: place.x, cy: place.y, r: 19 }),
    svg("text", { x: place.x, y: place.y + 4, "text-anchor": "middle" }, text));

  const hidden = (place, index, layer, i, value) => unit(place, mask[index] ? fixed(value, 1) : "0", {
    class: `unit ${mask[index] ? "kept" : "dropped"}`, role: "button", tabindex: 0, "data-key": index,
    "aria-pressed": String(!mask[index]),
    "aria-label": `Drop unit ${i + 1} of hidden layer ${layer}`,
    onclick: () => toggle(index),
    onkeydown: (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(index); }
    },
  });

  figure.drawn((width) => {
    const at = places(width);
    const now = forward(mask, p);
    const line = scale([Math.min(...all.map((one) => one.y)) - 0.2, Math.max(...all.map((one) => one.y)) + 0.2], [12, width - 12]);
    const heaviest = Math.max(...all.map((one) => one.weight));
    const inference = forward(null, p).y;
    const y0 = 356;
    return {
      height: 400,
      live: true,
      title: "A network of 2 inputs, 5 and 4 hidden units and one output, and below it the outputs of all 512 subnetworks on a line",
      children: [
        ...["inputs", "hidden 1", "hidden 2", "output"].map((text, i) => svg("text", {
          class: "label", x: at[i][0].x, y: 14,
          "text-anchor": i === 0 ? "start" : i === 3 ? "end" : "middle",
          dx: i === 0 ? -22 : i === 3 ? 22 : 0,
        }, text)),
        ...edges(at),
        ...x.map((value, i) => unit(at[0][i], show(value), { class: "unit input" })),
        ...now.h1.map((value, i) => hidden(at[1][i], i, 1, i, value)),
        ...now.h2.map((value, i) => hidden(at[2][i], 5 + i, 2, i, value)),
        unit(at[3][0], fixed(now.y, 1), { class: "unit output" }),
        // Members, stronger the more they weigh; then the three that matter.
        ...all.filter((one) => one.weight > 0).map((one) => svg("line", {
          class: "member", x1: line(one.y), x2: line(one.y), y1: y0 - 18, y2: y0,
          opacity: (0.08 + 0.5 * (one.weight / heaviest)).toFixed(3),
        })),
        horizontalAxis(line, y0, { label: "output of a subnetwork", wanted: Math.round(width / 80) }),
        path([[line(exact), y0 + 2], [line(exact), y0 - 40]], { class: "mean" }),
        svg("text", { class: "mean", x: line(exact) + (exact > inference ? 5 : -5), y: y0 - 34, "text-anchor": exact > inference ? "start" : "end" }, "mean"),
        path([[line(inference), y0 + 2], [line(inference), y0 - 40]], { class: "inference" }),
        svg("text", { class: "inference", x: line(inference) + (exact > inference ? -5 : 5), y: y0 - 34, "text-anchor": exact > inference ? "end" : "start" }, "inference"),
        svg("path", { class: "now", d: `M${line(now.y)} ${y0 - 2}l-7 -13h14z` }),
      ],
    };
  });

  function update() {
    const { y } = forward(mask, p);
    const inference = forward(null, p).y;
    figure.tell({
      count: ["subnetworks, 2⁹", String(2 ** N)],
      seen: ["seen so far", String(seen.size)],
      kept: ["units kept", `${kept(mask)} of ${N}`],
      probability: ["P(m) of this mask", show(weight(kept(mask), N, p))],
      output: ["output of this one", show(y)],
      mean: ["mean over all 512", show(exact)],
      inference: ["inference, all kept", show(inference)],
      running: [draws === 1 ? "mean of 1 draw" : `mean of ${draws} draws`, draws ? show(sum / draws) : "–"],
    }, `This subnetwork keeps ${kept(mask)} of ${N} units and puts out ${show(y)}. ` +
       (kept(mask) === N && p > 0 ? `Inference keeps all, too, but does not divide them by q = ${fixed(1 - p)} as training does. ` : "") +
       `All 512 together average ${show(exact)}; inference gives ${show(inference)}, off by ${show(inference - exact, 2)}.`);
    figure.redraw();
  }
  update();

  return () => ({ p, mask, x, W1, b1, W2, b2, W3, b3 });
});
