// What variants of dropout drop together: units, channels, blocks, whole branches.
playground.figure("shapes", (figure) => {
  "use strict";
  const { fixed, generator, show, svg } = playground;

  const [ROWS, CHANNELS, SIDE, BLOCK] = [2, 3, 7, 3]; // examples, channels, units a side, units a side of a block
  const uniform = generator(5);
  let p = 0.2;
  let kind = "units";
  let masks = [];

  // Rate of the seeds from which blocks grow (Ghiasi et al. 2018), for p of all units if none overlapped.
  const seeds = () => ((p / BLOCK ** 2) * SIDE ** 2) / (SIDE - BLOCK + 1) ** 2;
  const map = (keep) => Array.from({ length: SIDE * SIDE }, (_, i) => keep(Math.floor(i / SIDE), i % SIDE));
  const DRAW = {
    units: () => map(() => uniform() >= p),
    channels: () => { const keep = uniform() >= p; return map(() => keep); },
    blocks: () => {
      const first = SIDE - BLOCK + 1;
      const grown = Array.from({ length: first * first }, () => uniform() < seeds());
      return map((y, x) => !grown.some((seed, i) => {
        const [down, right] = [y - Math.floor(i / first), x - (i % first)];
        return seed && down >= 0 && down < BLOCK && right >= 0 && right < BLOCK;
      }));
    },
  };
  const draw = () => {
    masks = Array.from({ length: ROWS }, () => {
      const keep = uniform() >= p;
      return Array.from({ length: CHANNELS }, () => (kind === "branches" ? map(() => keep) : DRAW[kind]()));
    });
    update();
  };

  figure.slider("Drop probability p", { min: 0, max: 0.5, step: 0.05, value: p, text: (v) => fixed(v) }, (value) => { p = value; draw(); });
  figure.choice("Dropped together", { units: "nothing", channels: "a channel", blocks: "a block", branches: "all of an example" }, kind, (key) => { kind = key; draw(); });
  figure.buttons({ "Draw a mask": draw });

  figure.drawn((width) => {
    const label = 84;
    const cell = Math.min(16, Math.floor((width - label - 16 * (CHANNELS - 1)) / (CHANNELS * SIDE)));
    const [across, down] = [cell * SIDE + 16, cell * SIDE + 16];
    return {
      height: ROWS * down + 24,
      title: `Masks of ${ROWS} examples with ${CHANNELS} channels of ${SIDE} by ${SIDE} units; kept units are filled, dropped ones empty`,
      children: masks.flatMap((example, row) => [
        svg("text", { class: "label", x: 0, y: 20 + row * down + (cell * SIDE) / 2 }, `example ${row + 1}`),
        ...example.flatMap((mask, channel) => [
          svg("text", { class: "label", x: label + channel * across, y: 12 }, row ? "" : `channel ${channel + 1}`),
          ...mask.map((keep, i) => svg("rect", {
            class: keep ? "keep" : "ghost", x: label + channel * across + cell * (i % SIDE), y: 20 + row * down + cell * Math.floor(i / SIDE),
            width: cell - 1, height: cell - 1,
          })),
        ]),
      ]),
    };
  });

  function update() {
    const all = masks.flat(2);
    const dropped = all.filter((keep) => !keep).length / all.length;
    const grown = (places) => (kind === "blocks" ? 1 - (1 - seeds()) ** places : p);
    figure.tell({
      now: ["dropped by this mask", show(dropped, 3)],
      middle: ["a unit in the middle is dropped with", show(grown(BLOCK ** 2))],
      corner: ["one in a corner with", show(grown(1))],
    }, kind === "blocks"
      ? `At p = ${fixed(p)} a block drops a unit in the middle with probability ${show(grown(BLOCK ** 2), 3)}, and one in a corner with ${show(grown(1), 3)}.`
      : `At p = ${fixed(p)} each unit is dropped with that probability; this mask drops ${show(dropped, 3)} of them.`);
    figure.redraw();
  }
  draw();

  return () => ({ p, kind, side: SIDE, block: BLOCK, masks });
});
