// Two hidden units, all four masks drawn, and what inference computes instead.
playground.figure("four", (figure) => {
  "use strict";
  const { fixed, kept, maskOf, path, scale, show, svg, weight } = playground;

  const h = [2, 3]; // values of the two hidden units
  const w = [1, -1]; // what the output reads them with
  const READ = { sum: (s) => s, relu: (s) => Math.max(0, s) };
  let p = 0.5;
  let read = "sum";

  // Subnetworks 00, 10, 01, 11, each with its probability and its output.
  const members = () => [0, 1, 2, 3].map((k) => {
    const mask = maskOf(k, 2);
    const inside = mask.reduce((sum, keep, i) => sum + (keep ? (w[i] * h[i]) / (1 - p) : 0), 0);
    return { mask, weight: weight(kept(mask), 2, p), y: READ[read](inside) };
  });
  const inference = () => READ[read](w[0] * h[0] + w[1] * h[1]);

  figure.slider("Drop probability p", { min: 0, max: 0.8, step: 0.1, value: p, text: (v) => fixed(v, 1) }, (value) => { p = value; update(); });
  figure.choice("The output is", { sum: "a sum", relu: "a ReLU of the sum" }, read, (key) => { read = key; update(); });

  const small = ({ mask, weight: chance, y }, left, top, wide) => {
    const [mid, right] = [left + wide * 0.3, left + wide * 0.74];
    const rows = [top + 40, top + 92];
    return svg("g", {},
      ...mask.map((keep, i) => svg("line", {
        class: `edge ${keep ? (w[i] > 0 ? "plus" : "minus") : "off"}`, "stroke-width": 2.5,
        x1: mid, y1: rows[i], x2: right, y2: top + 66,
      })),
      ...mask.map((keep, i) => svg("g", { class: `unit ${keep ? "kept" : "dropped"}` },
        svg("circle", { cx: mid, cy: rows[i], r: 17 }),
        svg("text", { x: mid, y: rows[i] + 4, "text-anchor": "middle" }, keep ? show(h[i] / (1 - p), 3) : "0"))),
      svg("g", { class: "unit output" },
        svg("circle", { cx: right, cy: top + 66, r: 19 }),
        svg("text", { x: right, y: top + 70, "text-anchor": "middle" }, show(y, 3))),
      svg("text", { class: "label", x: left + wide / 2, y: top + 130, "text-anchor": "middle" }, `probability ${show(chance, 3)}`));
  };
  figure.drawn((width) => {
    const all = members();
    const columns = width < 560 ? 2 : 4;
    const wide = width / columns;
    const below = (4 / columns) * 145 + 58;
    const line = scale([-16, 11], [12, width - 12]); // wide enough for every p of the slider
    const mean = all.reduce((sum, one) => sum + one.weight * one.y, 0);
    const right = mean > inference();
    const mark = (value, kind, word, after) => [
      path([[line(value), below + 2], [line(value), below - 40]], { class: kind }),
      svg("text", { class: kind, x: line(value) + (after ? 5 : -5), y: below - 34, "text-anchor": after ? "start" : "end" }, word),
    ];
    return {
      height: below + 40,
      title: "The four subnetworks of two hidden units with the probability and the output of each, and below them the outputs on a line",
      children: [
        ...all.map((one, k) => small(one, (k % columns) * wide, Math.floor(k / columns) * 145, wide)),
        playground.horizontalAxis(line, below, { label: "output", wanted: Math.round(width / 80) }),
        ...all.filter((one) => one.weight > 0).map((one) => svg("circle", { class: "dot", cx: line(one.y), cy: below, r: 3 + 12 * Math.sqrt(one.weight) })),
        ...mark(mean, "mean", "mean of the four", right),
        ...mark(inference(), "inference", "inference", !right),
      ],
    };
  });

  function update() {
    const all = members();
    const mean = all.reduce((sum, one) => sum + one.weight * one.y, 0);
    figure.tell({
      mean: ["mean of the four", show(mean)],
      inference: ["inference, all kept", show(inference())],
      sum: ["as a sum", all.map((one) => `${show(one.weight, 2)}·${show(one.y, 3)}`).join(" + ").replace(/\+ (\S+)·−/g, "− $1·")],
    }, Math.abs(mean - inference()) < 1e-9
      ? `At p = ${fixed(p, 1)} the four outputs average ${show(mean)}, and inference gives the same.`
      : `At p = ${fixed(p, 1)} the four outputs average ${show(mean)}, but inference gives ${show(inference())}.`);
    figure.redraw();
  }
  update();

  return () => ({ p, read, h, w });
});
