// The gradient of two weights under each of the four masks, and where their mean points.
playground.figure("pull", (figure) => {
  "use strict";
  const { fixed, kept, maskOf, scale, show, svg, weight } = playground;

  const x = [1, 2];
  const w = [1.5, 0.5];
  let p = 0.5;
  let y = 2;

  // Of half the squared error of w · x with inputs x, dropped or not.
  const gradient = (inputs) => {
    const error = inputs.reduce((sum, v, i) => sum + v * w[i], -y);
    return inputs.map((v) => error * v);
  };
  const members = () => [0, 1, 2, 3].map((k) => {
    const mask = maskOf(k, 2);
    return { weight: weight(kept(mask), 2, p), g: gradient(x.map((v, i) => (mask[i] ? v / (1 - p) : 0))) };
  });
  const average = () => members().reduce((sum, one) => sum.map((v, i) => v + one.weight * one.g[i]), [0, 0]);

  figure.slider("Drop probability p", { min: 0, max: 0.7, step: 0.1, value: p, text: (v) => fixed(v, 1) }, (value) => { p = value; update(); });
  figure.slider("Target y", { min: 0, max: 4, step: 0.5, value: y, text: (v) => fixed(v, 1) }, (value) => { y = value; update(); });

  figure.drawn((width) => {
    const all = members();
    const mean = average();
    const plain = gradient(x);
    // A step goes against the gradient; both axes have one unit, and room for the longest arrow.
    const ends = [...all.filter((one) => one.weight > 0).map((one) => one.g), mean, plain].map((g) => g.map((v) => -v));
    const reach = 0.5 + Math.max(...ends.flat().map(Math.abs));
    const side = Math.min(width - 90, 330);
    const across = scale([-reach, reach], [45, 45 + side]);
    const up = scale([-reach, reach], [20 + side, 20]);
    const arrow = (g, kind, attributes = {}) => svg("g", attributes,
      svg("line", { class: `arrow ${kind}`, x1: across(0), y1: up(0), x2: across(-g[0]), y2: up(-g[1]) }),
      svg("circle", { class: `arrow ${kind}`, cx: across(-g[0]), cy: up(-g[1]), r: 4 }));
    return {
      height: side + 62,
      title: "The plane of two weights: the steps that the four masks ask for as thin arrows, their mean and the step without dropout as thick ones",
      children: [
        playground.horizontalAxis(across, 20 + side, { label: "step of weight 1" }),
        playground.verticalAxis(up, 45, { label: "step of weight 2", right: 45 + side }),
        ...all.filter((one) => one.weight > 0).map((one) => arrow(one.g, "draws", { opacity: (0.25 + 0.75 * one.weight).toFixed(2) })),
        arrow(plain, "inference"),
        arrow(mean, "mean"),
        ...[[plain, "inference", "without dropout"], [mean, "mean", "mean over masks"]].map(([g, kind, text]) => svg("text", {
          class: kind, x: across(-g[0]) + 8, y: up(-g[1]) + (kind === "mean" ? 16 : -8), "text-anchor": across(-g[0]) > 45 + side / 2 ? "end" : "start",
        }, text)),
      ],
    };
  });

  function update() {
    const pair = (v) => v.map((part) => show(part, 3)).join(", ");
    const penalty = x.map((v, i) => (p / (1 - p)) * v * v * w[i]);
    figure.tell({
      plain: ["gradient without dropout", pair(gradient(x))],
      penalty: ["p/q · x² w, of the penalty", pair(penalty)],
      mean: ["mean over the four masks", pair(average())],
    }, p
      ? `At p = ${fixed(p, 1)} and y = ${fixed(y, 1)} the mean gradient (${pair(average())}) is that without dropout (${pair(gradient(x))}) and the penalty's (${pair(penalty)}).`
      : `At p = 0 and y = ${fixed(y, 1)} there is one mask, and nothing is added to the gradient.`);
    figure.redraw();
  }
  update();

  return () => ({ p, x, w, y });
});
