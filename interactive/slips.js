// Five ways to get the scale of dropout wrong, and what inference then makes of a unit.
playground.figure("slips", (figure) => {
  "use strict";
  const { fixed, horizontalAxis, path, scale, show, svg, verticalAxis } = playground;

  // Mean of a unit of value 1 in training, and its value in evaluation. q = 1 - p.
  const SLIPS = {
    right: { name: "none", train: (p) => 1, evaluation: (p) => 1 },
    unscaled: { name: "never scaled", train: (p) => 1 - p, evaluation: (p) => 1 },
    twice: { name: "scaled in training and in evaluation", train: (p) => 1, evaluation: (p) => 1 - p },
    swapped: { name: "divided by p", train: (p) => (1 - p) / p, evaluation: (p) => 1 },
    keep: { name: "p taken as the share to keep", train: (p) => 1, evaluation: (p) => 1 },
    left: { name: "left on in evaluation", train: (p) => 1, evaluation: (p) => 1 },
  };
  // Variance of the unit in evaluation, where the layer is still on.
  const spread = (p) => (slip === "left" ? p / (1 - p) : 0);
  const noise = (p) => (slip === "unscaled" ? p * (1 - p) : slip === "swapped" ? (1 - p) / p : slip === "keep" ? (1 - p) / p : p / (1 - p));
  const LOW = 0.1;
  const HIGH = 0.9;
  let p = 0.2;
  let slip = "unscaled";

  figure.slider("Drop probability p", { min: LOW, max: HIGH, step: 0.1, value: p, text: (v) => fixed(v, 1) }, (value) => { p = value; update(); });
  figure.choice("Mistake", Object.fromEntries(Object.entries(SLIPS).map(([key, { name }]) => [key, name])), slip, (key) => { slip = key; update(); });

  figure.drawn((width) => {
    const across = scale([0, 1], [40, width - 20]);
    const up = scale([0, 3], [210, 30]);
    const line = (f, kind) => {
      const points = [];
      for (let at = LOW; at <= HIGH + 1e-9; at += 0.02) if (f(at) <= 3) points.push([across(at), up(f(at))]);
      return path(points, { class: kind });
    };
    const { train, evaluation } = SLIPS[slip];
    return {
      height: 256,
      title: "Mean of a unit of value 1 in training and its value in evaluation, against the drop probability",
      children: [
        verticalAxis(up, 40, { label: "a unit of value 1", right: width - 20 }),
        horizontalAxis(across, 210, { label: "drop probability p" }),
        line(train, "draws"),
        line(evaluation, "law"),
        svg("text", { class: "draws", x: width - 20, y: 34, "text-anchor": "end" }, "mean in training"),
        svg("text", { class: "law", x: width - 20, y: 52, "text-anchor": "end" }, "value in evaluation"),
        ...[[train, "dot at"], [evaluation, "datum at"]].filter(([f]) => f(p) <= 3).map(([f, kind]) => svg("circle", { class: kind, cx: across(p), cy: up(f(p)), r: 5 })),
      ],
    };
  });

  function update() {
    const { train, evaluation } = SLIPS[slip];
    const ratio = evaluation(p) / train(p);
    figure.tell({
      train: ["mean in training", show(train(p))],
      evaluation: ["value in evaluation", show(evaluation(p))],
      ratio: ["evaluation / training", show(ratio)],
      noise: ["variance in training", show(noise(p))],
      spread: ["variance in evaluation", show(spread(p))],
    }, slip === "right" ? "Both agree at every p."
      : slip === "keep" ? `The means agree, so no test of the mean finds it; the variance is ${show(noise(p))} where ${show(p / (1 - p))} was meant.`
      : slip === "left" ? `The means agree, but each prediction is another: a unit varies by ${show(spread(p))} in evaluation.`
      : `In evaluation a unit is ${show(ratio, 3)} times what the next layer was trained on.`);
    figure.redraw();
  }
  update();

  return () => ({ p, slip });
});
