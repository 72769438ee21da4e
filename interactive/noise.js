// One mask, the distribution of an output over all masks, and its variance as p moves.
playground.figure("noise", (figure) => {
  "use strict";
  const { fixed, generator, horizontalAxis, kept, maskOf, path, sampleMask, scale, show, svg, variance, verticalAxis, weight } = playground;

  // The twelve activations and weights of the figures of the first chapter.
  const x = [1.2, -0.6, 0.9, 1.6, -1.1, 0.4, 1.0, -1.5, 0.7, 1.3, -0.3, 0.8];
  const w = [0.5, 0.3, -0.4, 0.6, 0.2, -0.5, 0.4, -0.3, 0.6, 0.1, 0.5, -0.2];
  const N = x.length;
  const DRAWS = 2000;
  const BINS = 48;
  const MOST = 0.9;
  const power = x.reduce((sum, v, i) => sum + (w[i] * v) ** 2, 0); // sum of w_i^2 x_i^2
  const output = (mask, p) => x.reduce((sum, v, i) => sum + (mask[i] ? (w[i] * v) / (1 - p) : 0), 0);
  const exactVariance = (p) => (p / (1 - p)) * power;
  const everyMask = Array.from({ length: 2 ** N }, (_, k) => maskOf(k, N));

  const uniform = generator(12);
  let p = 0.5;
  let mask = [];
  let masks = [];
  let outputs = [];
  const measured = new Map(); // p -> variance of the last draws there

  const draw = () => {
    masks = Array.from({ length: DRAWS }, () => sampleMask(N, p, uniform));
    mask = masks[0];
    outputs = masks.map((m) => output(m, p));
    measured.set(p, variance(outputs));
    update();
  };

  figure.slider("Drop probability p", { min: 0, max: MOST, step: 0.05, value: p, text: (v) => fixed(v) }, (value) => {
    p = value;
    draw();
  });
  figure.buttons({ "Draw again": draw, "Forget the dots": () => { measured.clear(); draw(); } });

  // Share of the probability in each bin.
  const histogram = (values, weights, range) => {
    const bins = Array(BINS).fill(0);
    values.forEach((v, k) => {
      const bin = Math.floor(((v - range[0]) / (range[1] - range[0])) * BINS);
      if (bin >= 0 && bin < BINS) bins[bin] += weights[k];
    });
    return bins;
  };

  const bars = (width) => {
    const X = scale([0.4, N + 0.6], [34, width - 6]);
    const Y = scale([-1.6 / (1 - p), 1.75 / (1 - p)], [152, 24]);
    const unit = X(2) - X(1);
    return [
      verticalAxis(Y, 34, { label: "grey x, blue kept x/q, cross dropped", right: width - 6, wanted: 4 }),
      ...x.map((v, i) => svg("rect", {
        class: "ghost", x: X(i + 1) - 0.36 * unit, width: 0.72 * unit, y: Math.min(Y(0), Y(v)), height: Math.abs(Y(v) - Y(0)),
      })),
      ...x.map((v, i) => {
        const to = v / (1 - p);
        return mask[i]
          ? svg("rect", { class: "keep", x: X(i + 1) - 0.16 * unit, width: 0.32 * unit, y: Math.min(Y(0), Y(to)), height: Math.abs(Y(to) - Y(0)) })
          : path([[-4, -4], [4, 4], [0, 0], [4, -4], [-4, 4]].map(([a, b]) => [X(i + 1) + a, Y(0) + b]), { class: "cross" });
      }),
    ];
  };

  const distribution = (left, width, top, height) => {
    const center = output(Array(N).fill(true), 0);
    const reach = 2.5 * Math.sqrt(exactVariance(MOST));
    const range = [center - reach, center + reach];
    const X = scale(range, [left, left + width]);
    const exact = histogram(everyMask.map((m) => output(m, p)), everyMask.map((m) => weight(kept(m), N, p)), range);
    const sampled = histogram(outputs, outputs.map(() => 1 / DRAWS), range);
    const Y = scale([0, 1.1 * Math.max(...exact, ...sampled)], [top + height, top]);
    const edge = (bin) => left + (bin * width) / BINS;
    return [
      svg("text", { class: "label", x: left, y: top - 10 }, `output w·x̃: all 4096 masks, line: ${DRAWS} draws`),
      ...exact.map((share, bin) => svg("rect", { class: "ghost", x: edge(bin), width: Math.max(1, width / BINS - 0.5), y: Y(share), height: Y(0) - Y(share) })),
      path(sampled.flatMap((share, bin) => [[edge(bin), Y(share)], [edge(bin + 1), Y(share)]]), { class: "draws" }),
      path([[X(center), top - 2], [X(center), top + height]], { class: "mean" }),
      horizontalAxis(X, top + height, { wanted: 5 }),
    ];
  };

  const curve = (left, width, top, height) => {
    const X = scale([0, MOST], [left, left + width]);
    const Y = scale([0, 1.15 * exactVariance(MOST)], [top + height, top]);
    const grid = Array.from({ length: 91 }, (_, i) => (i * MOST) / 90);
    return [
      verticalAxis(Y, left, { label: "variance of the output", right: left + width, wanted: 4 }),
      horizontalAxis(X, top + height, { label: "p", wanted: 5 }),
      path(grid.map((v) => [X(v), Y(v * (1 - v) * power)]), { class: "wrong" }),
      path(grid.map((v) => [X(v), Y(exactVariance(v))]), { class: "law" }),
      path([[X(p), top], [X(p), top + height]], { class: "hair" }),
      ...[...measured].map(([at, value]) => svg("circle", { class: at === p ? "dot at" : "dot", cx: X(at), cy: Y(Math.min(value, 1.15 * exactVariance(MOST))), r: at === p ? 5 : 3.5 })),
      svg("text", { class: "law", x: X(0.3), y: top + 26, "text-anchor": "middle" }, "p/q · Σ w²x²"),
      svg("text", { class: "wrong", x: X(0.3), y: top + 44, "text-anchor": "middle" }, "wrong: p q · Σ w²x²"),
    ];
  };

  figure.drawn((width) => {
    const wide = width >= 560;
    const half = wide ? (width - 60) / 2 : width - 46;
    return {
      height: wide ? 390 : 600,
      title: "Twelve activations under one mask, the distribution of an output over all 4096 masks, and its variance against p",
      children: [
        ...bars(width),
        ...distribution(wide ? 14 : 34, half - (wide ? 20 : 0), 200, 150),
        ...curve(wide ? half + 54 : 34, half, wide ? 200 : 418, 150),
      ],
    };
  });

  function update() {
    const exact = exactVariance(p);
    const found = measured.get(p);
    figure.tell({
      kept: ["kept by this mask", `${kept(mask)} of ${N}`],
      factor: ["p/q", show(p / (1 - p))],
      variance: ["variance, p/q · Σ w²x²", show(exact)],
      measured: [`measured, ${DRAWS} draws`, show(found)],
      wrong: ["wrong: p q · Σ w²x²", show(p * (1 - p) * power)],
      mean: ["mean of the draws", show(playground.mean(outputs))],
    }, p === 0
      ? "At p = 0 nothing is dropped: the output is always the same."
      : `At p = ${fixed(p)} the output varies with variance ${show(exact)}; ${DRAWS} draws measured ${show(found)}. ` +
        `Its mean stays ${show(output(Array(N).fill(true), 0))}.`);
    figure.redraw();
  }
  draw();

  return () => ({ p, x, w, mask, masks: masks.map((m) => m.map(Number)) });
});
