// Monte Carlo dropout on one input: the passes, their mean and their spread.
playground.figure("mc", (figure) => {
  "use strict";
  const { fixed, generator, horizontalAxis, mean, path, sampleMask, scale, show, svg, variance, verticalAxis } = playground;
  const { x, y, rates, networks } = playground.data.mc;

  const WIDTH = 32;
  const RANGE = [-5, 5];
  const STEPS = 81;
  const LINES = 8; // passes drawn one by one
  const grid = Array.from({ length: STEPS }, (_, i) => RANGE[0] + (i * (RANGE[1] - RANGE[0])) / (STEPS - 1));
  const at = (value) => Math.round(((value - RANGE[0]) / (RANGE[1] - RANGE[0])) * (STEPS - 1));
  const activations = { relu: (v) => Math.max(0, v), tanh: Math.tanh };

  let seed = 1;
  let passes = 50;
  let p = 0.1;
  let kind = "relu";
  let shared = "shared";
  let masks = [];
  let outputs = []; // passes x grid

  const forward = ([W1, b1, W2, b2, w3, b3], act, input, mask) => {
    const scaleUp = mask ? 1 / (1 - p) : 1;
    const h1 = b1.map((b, i) => (mask && !mask[i] ? 0 : scaleUp * act(W1[i][0] * input + b)));
    let output = b3;
    for (let i = 0; i < WIDTH; i += 1) {
      if (mask && !mask[WIDTH + i]) continue;
      let sum = b2[i];
      for (let j = 0; j < WIDTH; j += 1) sum += W2[i][j] * h1[j];
      output += w3[i] * scaleUp * act(sum);
    }
    return output;
  };

  const sample = () => {
    const uniform = generator(seed);
    const net = networks[`${kind}-${p}`];
    const one = () => sampleMask(2 * WIDTH, p, uniform);
    masks = Array.from({ length: passes }, () => (shared === "shared" ? [one()] : grid.map(one)));
    outputs = masks.map((pass) => grid.map((input, i) => forward(net, activations[kind], input, pass[shared === "shared" ? 0 : i])));
    update();
  };

  figure.slider("Passes T", { min: 2, max: 200, step: 1, value: passes }, (value) => { passes = value; sample(); });
  figure.slider("Drop probability p", { min: 0, max: rates.length - 1, step: 1, value: rates.indexOf(p), text: (i) => fixed(rates[i]) }, (i) => { p = rates[i]; sample(); });
  figure.choice("Activation", { relu: "ReLU", tanh: "tanh" }, kind, (value) => { kind = value; sample(); });
  figure.choice("Masks", { shared: "one for all inputs", rows: "one for each input" }, shared, (value) => { shared = value; sample(); });
  figure.buttons({ "Draw again": () => { seed += 1; sample(); } });

  const column = (i) => outputs.map((pass) => pass[i]);
  const deviation = (i) => Math.sqrt(variance(column(i)));
  const roughness = () => mean(outputs.flatMap((pass) => pass.slice(1).map((v, i) => Math.abs(v - pass[i]))));

  figure.drawn((width) => {
    const X = scale(RANGE, [34, width - 8]);
    const Y = scale([-4.4, 4.4], [330, 26]);
    const center = grid.map((_, i) => mean(column(i)));
    const spread = grid.map((_, i) => deviation(i));
    const edge = (sign) => grid.map((v, i) => [X(v), Y(center[i] + sign * 2 * spread[i])]);
    const clip = "mc-clip";
    return {
      height: 374,
      title: "Data in two clusters, the mean of the passes through them and a band of two standard deviations around it, with single passes as thin lines",
      children: [
        svg("clipPath", { id: clip }, svg("rect", { x: 34, y: 26, width: width - 42, height: 304 })),
        verticalAxis(Y, 34, { label: "output", right: width - 8, wanted: 5 }),
        horizontalAxis(X, 330, { label: "input", wanted: width > 500 ? 10 : 5 }),
        svg("g", { "clip-path": `url(#${clip})` },
          path([...edge(1), ...edge(-1).reverse()], { class: "band" }),
          ...outputs.slice(0, LINES).map((pass) => path(grid.map((v, i) => [X(v), Y(pass[i])]), { class: "pass" })),
          path(grid.map((v, i) => [X(v), Y(center[i])]), { class: "center" })),
        ...x.map((v, i) => svg("circle", { class: "datum", cx: X(v), cy: Y(y[i]), r: 2.6 })),
      ],
    };
  });

  function update() {
    const inside = deviation(at(1.25));
    const between = deviation(at(0));
    const far = deviation(at(5));
    figure.tell({
      inside: ["sd at 1.25, data", show(inside)],
      between: ["sd at 0, no data", show(between)],
      outside: ["sd at 3.5, outside", show(deviation(at(3.5)))],
      far: ["sd at 5, farther", show(far)],
      step: ["mean step of a line", show(roughness())],
    }, `${passes} passes with p = ${fixed(p)}: the standard deviation is ${show(inside, 2)} in a cluster, ${show(between, 2)} between the clusters and ${show(far, 2)} far outside. ` +
      (shared === "shared" ? "Each thin line is one network." : "No thin line is one network: its mask changes from input to input."));
    figure.redraw();
  }
  sample();

  return () => ({ p, passes, kind, shared, grid, masks: masks.map((pass) => pass.map((m) => m.map(Number).join(""))) });
});
