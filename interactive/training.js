// The same network trained twice on the same points, without and with dropout.
playground.figure("training", (figure) => {
  "use strict";
  const { fixed, generator, horizontalAxis, learning, path, scale, show, svg, verticalAxis } = playground;
  const few = figure.host.dataset.controls === "few"; // the chapter shows two controls, the playground all

  const GRID = 44; // cells a side of the map of predictions
  const LAST = 1000; // steps
  const EVERY = 10; // steps between two points of the curves
  const TEST = 600; // fresh points of the same law
  const TOP = 3; // losses above it leave the picture; the number says how large
  const settings = { shape: "moons", count: 60, noise: 0.3, width: 32, p: 0.5, seed: 1 };

  let train, test, pair, steps, uniform, timer = null;

  const restart = () => {
    stop();
    const { shape, count, noise, width, seed } = settings;
    train = learning.draw(shape, count, noise, 10 * seed);
    test = learning.draw(shape, TEST, noise, 10 * seed + 1);
    pair = ["none", "dropout"].map((name) => ({ name, net: learning.network(width, 10 * seed + 2), train: [], test: [] }));
    uniform = generator(10 * seed + 3);
    steps = 0;
    record();
    update();
  };
  const rate = (one) => (one.name === "dropout" ? settings.p : 0);
  const record = () => pair.forEach((one) => {
    one.train.push([steps, learning.evaluate(one.net, train)]);
    one.test.push([steps, learning.evaluate(one.net, test)]);
  });
  const advance = (count) => {
    for (let i = 0; i < count && steps < LAST; i += 1) {
      for (const one of pair) {
        const p = rate(one);
        const masks = p ? train.map(() => learning.drawMasks(settings.width, p, uniform)) : null;
        learning.step(one.net, train, masks);
      }
      steps += 1;
      if (steps % EVERY === 0) record();
    }
  };

  // As many steps a frame as fit into a few milliseconds; none while the figure is out of sight.
  let visible = true;
  new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; }).observe(figure.host);
  const frame = () => {
    if (visible && !document.hidden) {
      const start = performance.now();
      do advance(EVERY); while (steps < LAST && performance.now() - start < 25);
      update();
    }
    timer = steps < LAST ? requestAnimationFrame(frame) : null;
    if (!timer) name();
  };
  const name = () => { go.textContent = timer ? "Pause" : steps >= LAST ? "Train again" : "Train"; };
  const stop = () => { cancelAnimationFrame(timer); timer = null; if (go) name(); };
  const start = () => {
    if (timer) { stop(); return; }
    if (steps >= LAST) restart();
    figure.status.textContent = "Training …"; // what became of it is said when it pauses
    timer = requestAnimationFrame(frame);
    name();
  };
  const change = (key) => (value) => { settings[key] = value; restart(); };

  figure.slider("Drop probability p", { min: 0, max: 0.9, step: 0.1, value: settings.p, text: (v) => fixed(v, 1) }, change("p"));
  if (!few) {
    figure.slider("Noise", { min: 0, max: 0.4, step: 0.05, value: settings.noise, text: (v) => fixed(v) }, change("noise"));
    figure.slider("Training points", { min: 10, max: 200, step: 10, value: settings.count }, change("count"));
    figure.choice("Units a layer", { 4: "4", 16: "16", 32: "32" }, "32", (key) => change("width")(Number(key)));
    figure.choice("Data", { moons: "moons", rings: "rings", clouds: "clouds" }, "moons", change("shape"));
  }
  let go = null;
  figure.buttons({ Train: start, "Other points": () => change("seed")(settings.seed + 1) });
  go = figure.controls.querySelector("button");

  // ---- The picture ------------------------------------------------------------------------------------
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = GRID;
  const colour = (property) => {
    canvas.getContext("2d").fillStyle = getComputedStyle(figure.host).getPropertyValue(property);
    const hex = canvas.getContext("2d").fillStyle;
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  };
  // Probability of class 1 over the square, as a picture: the surer, the stronger the colour.
  const map = (net) => {
    const pixels = new ImageData(GRID, GRID);
    const colours = [colour("--play-alert"), colour("--play-kept")];
    for (let k = 0; k < GRID * GRID; k += 1) {
      const [x, y] = [((k % GRID) + 0.5) / GRID, (Math.floor(k / GRID) + 0.5) / GRID].map((v) => 2 * v - 1);
      const sure = Math.tanh(learning.logit(net, x, -y) / 2); // 2 P - 1
      pixels.data.set([...colours[sure > 0 ? 1 : 0], 165 * Math.abs(sure)], 4 * k);
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas.toDataURL();
  };
  const panel = (one, left, top, side) => {
    const at = (v) => left + (side * (v + 1)) / 2;
    const down = (v) => top + (side * (1 - v)) / 2;
    return svg("g", {},
      svg("text", { class: "label strong", x: left, y: top - 8 }, one.name === "none" ? "without dropout" : `with dropout, p = ${fixed(settings.p, 1)}`),
      svg("image", { href: map(one.net), x: left, y: top, width: side, height: side, preserveAspectRatio: "none" }),
      svg("rect", { class: "frame", x: left, y: top, width: side, height: side }),
      ...train.filter(({ x, y }) => Math.abs(x) < 1 && Math.abs(y) < 1).map(({ x, y, label }) => (label
        ? svg("circle", { class: "point one", cx: at(x), cy: down(y), r: 4 })
        : svg("rect", { class: "point zero", x: at(x) - 3.5, y: down(y) - 3.5, width: 7, height: 7 }))));
  };
  figure.drawn((width) => {
    const stacked = width < 520;
    const beside = width > 900; // on a slide the losses stand beside the maps
    const side = stacked ? Math.min(width, 300) : Math.min(320, (width - 24) / 2);
    const top = 22;
    const left = beside ? 2 * side + 96 : 40;
    const below = stacked ? 2 * (side + 34) + 34 : beside ? top : side + top + 42;
    const bottom = beside ? top + side : below + 170;
    const across = scale([0, LAST], [left, width - 20]);
    const up = scale([0, TOP], [bottom, below]);
    const curve = (one, which) => path(
      one[which].map(([at, found]) => [across(at), up(Math.min(TOP, found.loss))]),
      { class: `curve ${one.name === "dropout" ? "with" : "without"} ${which}` });
    return {
      height: bottom + 44,
      title: "Predictions of a network trained without dropout and of one trained with it, over the square of inputs, and with them the losses of both on training points and on fresh points as training goes on",
      children: [
        panel(pair[0], 0, top, side),
        stacked ? panel(pair[1], 0, top + side + 34, side) : panel(pair[1], side + 24, top, side),
        verticalAxis(up, left, { label: width - left < 360 ? "loss; thick: on fresh points" : "loss: thin on the training points, thick on fresh ones", right: width - 20 }),
        horizontalAxis(across, bottom, { label: "training steps" }),
        ...pair.flatMap((one) => [curve(one, "train"), curve(one, "test")]),
        svg("text", { class: "without", x: left + 10, y: below + 14 }, "without dropout"),
        svg("text", { class: "with", x: left + 10, y: below + 32 }, "with dropout"),
        ...pair.filter((one) => one.test.at(-1)[1].loss > TOP).map((one, i) => svg("text", {
          class: one.name === "dropout" ? "with" : "without", x: width - 20, y: below + 14 + 18 * i, "text-anchor": "end",
        }, `now above ${TOP}`)),
      ],
    };
  });

  function update() {
    const [none, dropout] = pair.map((one) => ({ train: one.train.at(-1)[1], test: one.test.at(-1)[1], best: Math.min(...one.test.map(([, found]) => found.loss)) }));
    const percent = (value) => `${(100 * value).toFixed(1)} %`;
    figure.tell({
      steps: ["steps of training", String(steps)],
      "none-train": ["without: training loss", show(none.train.loss, 3)],
      "none-test": ["without: loss on fresh points", show(none.test.loss, 3)],
      "none-error": ["without: errors on fresh points", percent(none.test.error)],
      "none-best": ["without: best on the way", show(none.best, 3)],
      "dropout-train": ["with: training loss", show(dropout.train.loss, 3)],
      "dropout-test": ["with: loss on fresh points", show(dropout.test.loss, 3)],
      "dropout-error": ["with: errors on fresh points", percent(dropout.test.error)],
      "dropout-best": ["with: best on the way", show(dropout.best, 3)],
    }, steps
      ? `After ${steps} steps the network without dropout has a loss of ${show(none.train.loss, 2)} on the points it learned and ${show(none.test.loss, 2)} on fresh ones; with dropout ${show(dropout.train.loss, 2)} and ${show(dropout.test.loss, 2)}.`
      : `Two copies of one network, one of them with p = ${fixed(settings.p, 1)}, and ${train.length} points to learn. Press Train.`);
    figure.redraw();
  }
  restart();

  return () => ({ settings, steps, train, test, nets: pair.map(({ net }) => ({ ...net, layers: net.layers.map(({ W, b }) => ({ W: [...W], b: [...b] })) })) });
});
