// The predictions of all 2^n subnetworks, and three ways to make one prediction of them.
playground.figure("ensemble", (figure) => {
  "use strict";
  const { fixed, generator, horizontalAxis, kept, maskOf, path, scale, show, svg, verticalAxis, weight } = playground;

  const N = 10; // inputs that can be dropped
  const HIDDEN = 6;
  const BINS = 40;
  // Fixed weights; the standard convention, in which p moves the weights P(m) and no member.
  const uniform = generator(2);
  const matrix = (rows, columns, spread) => Array.from({ length: rows }, () => Array.from({ length: columns },
    () => Number((spread * (uniform() + uniform() + uniform() + uniform() - 2)).toFixed(2))));
  const x = matrix(1, N, 1)[0].map((v) => Number((1 + 0.5 * v).toFixed(2)));
  const nets = {
    relu: { W: matrix(HIDDEN, N, 1.1), b: matrix(1, HIDDEN, 0.5)[0], V: matrix(2, HIDDEN, 1.5), c: [0.2, -0.2] },
    linear: { V: matrix(2, N, 1.6), c: [0.1, -0.1] },
  };
  const affine = (W, b, v) => W.map((row, i) => row.reduce((sum, w, j) => sum + w * v[j], b[i]));
  const softmax = (z) => 1 / (1 + Math.exp(z[1] - z[0])); // of class 1, of two
  const predict = (net, input) => {
    const hidden = net.W ? affine(net.W, net.b, input).map((v) => Math.max(0, v)) : input;
    return softmax(affine(net.V, net.c, hidden));
  };

  const masks = Array.from({ length: 2 ** N }, (_, k) => maskOf(k, N));
  const members = Object.fromEntries(Object.entries(nets).map(([name, net]) => [name,
    masks.map((m) => predict(net, x.map((v, i) => (m[i] ? v : 0))))]));

  let p = 0.5;
  let kind = "relu";

  const averages = () => {
    let arithmetic = 0;
    let logs = [0, 0];
    masks.forEach((m, k) => {
      const P = weight(kept(m), N, p);
      if (P === 0) return; // 0 log 0 counts nothing
      const one = members[kind][k];
      arithmetic += P * one;
      logs = [logs[0] + P * Math.log(one), logs[1] + P * Math.log(1 - one)];
    });
    return {
      arithmetic,
      geometric: 1 / (1 + Math.exp(logs[1] - logs[0])),
      scaled: predict(nets[kind], x.map((v) => (1 - p) * v)),
    };
  };

  figure.slider("Drop probability p", { min: 0, max: 1, step: 0.05, value: p, text: (v) => fixed(v) }, (value) => { p = value; update(); });
  figure.choice("Network", { relu: "one hidden ReLU layer", linear: "softmax regression" }, kind, (value) => { kind = value; update(); });

  figure.drawn((width) => {
    const found = averages();
    const bins = Array(BINS).fill(0);
    masks.forEach((m, k) => { bins[Math.min(BINS - 1, Math.floor(members[kind][k] * BINS))] += weight(kept(m), N, p); });
    const X = scale([0, 1], [40, width - 10]);
    const Y = scale([0, 1.08 * Math.max(...bins)], [290, 86]);
    const bar = (width - 50) / BINS;
    // All words stand on one side, the line they start from highest first, so that none crosses another line.
    const left = X(found.arithmetic) > width * 0.6;
    const names = [["arithmetic", "arithmetic mean"], ["geometric", "geometric mean"], ["scaled", "scaled network"]]
      .sort(([a], [b]) => (left ? -1 : 1) * (found[a] - found[b]));
    return {
      height: 330,
      title: "Histogram of the predictions of all 1024 subnetworks, each with its probability, and three lines for the arithmetic mean, the geometric mean and the scaled network",
      children: [
        verticalAxis(Y, 40, { right: width - 10, wanted: 4 }),
        svg("text", { class: "label", x: 40, y: 14 }, "probability of the subnetworks in each bin"),
        ...bins.map((share, i) => svg("rect", { class: "ghost", x: 40 + i * bar, width: Math.max(1, bar - 1), y: Y(share), height: 290 - Y(share) })),
        horizontalAxis(X, 290, { label: "predicted probability of class 1", wanted: 5 }),
        ...names.flatMap(([key, name], i) => {
          const at = X(found[key]);
          return [
            path([[at, 38 + 17 * i], [at, 290]], { class: key }),
            svg("text", { class: key, x: at + (left ? -6 : 6), y: 43 + 17 * i, "text-anchor": left ? "end" : "start" }, name),
          ];
        }),
      ],
    };
  });

  function update() {
    const { arithmetic, geometric, scaled } = averages();
    const likely = Math.max(p, 1 - p) ** N;
    figure.tell({
      arithmetic: ["arithmetic mean", show(arithmetic)],
      geometric: ["geometric mean", show(geometric)],
      scaled: ["scaled network", show(scaled)],
      gap: ["scaled − geometric", Math.abs(scaled - geometric) < 1e-12 ? "0" : show(scaled - geometric, 2)],
      count: ["subnetworks, 2¹⁰", String(2 ** N)],
      weight: ["largest P(m)", show(likely)],
    }, `At p = ${fixed(p)} the arithmetic mean is ${show(arithmetic)}, the geometric mean ${show(geometric)}, the scaled network ${show(scaled)}. ` +
      (kind === "linear" ? "In softmax regression the last two are the same at every p." : p % 1 === 0 ? "One subnetwork has all the weight." : "With a hidden ReLU layer no two of the three are the same here."));
    figure.redraw();
  }
  update();

  return () => ({ p, kind, x, ...nets[kind] });
});
