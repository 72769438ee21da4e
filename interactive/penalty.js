// Two weights of a linear regression: how a ridge penalty and dropout pull them.
playground.figure("penalty", (figure) => {
  "use strict";
  const { fixed, horizontalAxis, path, scale, show, svg, verticalAxis } = playground;

  // Two standardised features, multiplied by 1 and by the scale; y follows them with these weights.
  const TRUE = [1.2, 1.6];
  let p = 0.5;
  let size = 2;
  let correlation = 0.5;

  // Second moments of the data: X'X/N and X'y/N.
  const moments = () => {
    const G = [[1, size * correlation], [size * correlation, size * size]];
    return { G, g: [TRUE[0] + correlation * TRUE[1], size * (correlation * TRUE[0] + TRUE[1])] };
  };
  // Minimiser of w'Gw - 2 g'w + d1 w1^2 + d2 w2^2.
  const minimiser = ({ G, g }, [d1, d2]) => {
    const [a, b, c] = [G[0][0] + d1, G[0][1], G[1][1] + d2];
    const det = a * c - b * b;
    return [(c * g[0] - b * g[1]) / det, (a * g[1] - b * g[0]) / det];
  };
  const ridge = (m, strength) => minimiser(m, [strength, strength]);
  const dropout = (m, strength) => minimiser(m, [strength * m.G[0][0], strength * m.G[1][1]]);

  figure.slider("Drop probability p", { min: 0, max: 0.9, step: 0.05, value: p, text: (v) => fixed(v) }, (value) => { p = value; update(); });
  figure.slider("Scale of feature 2", { min: 0.5, max: 4, step: 0.25, value: size, text: (v) => fixed(v) }, (value) => { size = value; update(); });
  figure.slider("Correlation", { min: -0.9, max: 0.9, step: 0.1, value: correlation, text: (v) => fixed(v, 1) }, (value) => { correlation = value; update(); });

  // An ellipse w'Aw = level around a centre, as points.
  const ellipse = (A, center, level) => {
    const half = (A[0][0] + A[1][1]) / 2;
    const gap = Math.hypot((A[0][0] - A[1][1]) / 2, A[0][1]);
    const angle = Math.atan2(2 * A[0][1], A[0][0] - A[1][1]) / 2;
    const [long, short] = [Math.sqrt(level / (half + gap)), Math.sqrt(level / Math.max(1e-9, half - gap))];
    return Array.from({ length: 97 }, (_, i) => {
      const [u, v] = [long * Math.cos((i * Math.PI) / 48), short * Math.sin((i * Math.PI) / 48)];
      return [center[0] + u * Math.cos(angle) - v * Math.sin(angle), center[1] + u * Math.sin(angle) + v * Math.cos(angle)];
    });
  };
  const quadratic = (A, [u, v]) => A[0][0] * u * u + 2 * A[0][1] * u * v + A[1][1] * v * v;

  figure.drawn((width) => {
    const m = moments();
    const strength = p / (1 - p);
    const free = minimiser(m, [0, 0]);
    const side = Math.min(width - 50, 420);
    const left = Math.max(38, (width - side) / 2);
    const reach = 1.25 * Math.max(free[0], free[1], 1.2);
    const X = scale([-0.35 * reach, reach], [left, left + side]);
    const Y = scale([-0.35 * reach, reach], [30 + side, 30]);
    const draw = (points, attributes) => path(points.map(([u, v]) => [X(u), Y(v)]), attributes);
    const strengths = Array.from({ length: 200 }, (_, i) => { const r = (i * 0.995) / 199; return r / (1 - r); });
    const found = { ridge: ridge(m, strength), dropout: dropout(m, strength) };
    const shapes = { ridge: [[1, 0], [0, 1]], dropout: [[m.G[0][0], 0], [0, m.G[1][1]]] };
    const clip = `penalty-clip`;
    const dot = (at, name) => svg("circle", { class: name, cx: X(at[0]), cy: Y(at[1]), r: 6 });
    return {
      height: side + 76,
      title: "Plane of two weights: ellipses of equal squared error, a circle of equal ridge penalty and an ellipse of equal dropout penalty, with the three minimisers",
      children: [
        svg("clipPath", { id: clip }, svg("rect", { x: left, y: 30, width: side, height: side })),
        verticalAxis(Y, left, { label: "w₂", right: left + side, wanted: 5 }),
        horizontalAxis(X, 30 + side, { label: "w₁", wanted: 5 }),
        svg("g", { "clip-path": `url(#${clip})` },
          ...[0.05, 0.3, 0.8, 1.6, 2.8, 4.5].map((level) => draw(ellipse(m.G, free, level), { class: "loss" })),
          draw([[-9, 0], [9, 0]], { class: "hair" }), draw([[0, -9], [0, 9]], { class: "hair" }),
          ...["ridge", "dropout"].flatMap((name) => [
            draw(ellipse(shapes[name], [0, 0], quadratic(shapes[name], found[name])), { class: `contour ${name}` }),
            draw(strengths.map((s) => (name === "ridge" ? ridge : dropout)(m, s)), { class: `trail ${name}` }),
          ]),
          dot(free, "free"), dot(found.ridge, "ridge"), dot(found.dropout, "dropout")),
        svg("rect", { class: "legend", x: left + side - 120, y: 32, width: 120, height: 60 }),
        ...[["free", "least squares"], ["ridge", "ridge"], ["dropout", "dropout"]].flatMap(([name, text], i) => [
          svg("circle", { class: name, cx: left + side - 108, cy: 44 + 18 * i, r: 5 }),
          svg("text", { class: name, x: left + side - 97, y: 48 + 18 * i }, text),
        ]),
      ],
    };
  });

  function update() {
    const m = moments();
    const strength = p / (1 - p);
    const pair = (w) => `${show(w[0])}, ${show(w[1])}`;
    const free = minimiser(m, [0, 0]);
    const r = ridge(m, strength);
    const d = dropout(m, strength);
    figure.tell({
      free: ["least squares w", pair(free)],
      ridge: ["ridge w, λ = p/q", pair(r)],
      dropout: ["dropout w", pair(d)],
      "ridge-effect": ["ridge: w₂ × scale", show(r[1] * size)],
      "dropout-effect": ["dropout: w₂ × scale", show(d[1] * size)],
    }, p === 0
      ? "At p = 0 both penalties are zero."
      : `Ridge takes the weights to ${pair(r)}, dropout to ${pair(d)}. ` +
        (size === 1 ? "At scale 1 the two penalties are the same." : "Another scale of feature 2 moves what ridge predicts, not what dropout predicts."));
    figure.redraw();
  }
  update();

  return () => ({ p, size, correlation, weights: TRUE });
});
