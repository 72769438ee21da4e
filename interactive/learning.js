// A small network that learns in the page: two hidden layers, dropout behind each, Adam.
// Figures use it through `playground.learning`; tests compare a step of it with PyTorch.
playground.learning = (() => {
  "use strict";
  const { generator } = playground;

  // Standard normal numbers from uniform ones (Box and Muller 1958).
  const normal = (uniform) => () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

  // ---- Data: points in the square from -1 to 1, of two classes, in equal parts ---------------------
  const SHAPES = {
    moons: (label, t, gauss, noise) => {
      const angle = Math.PI * t;
      const [x, y] = label ? [0.3 - 0.6 * Math.cos(angle), 0.2 - 0.6 * Math.sin(angle)] : [-0.3 + 0.6 * Math.cos(angle), -0.2 + 0.6 * Math.sin(angle)];
      return [x + noise * gauss(), y + noise * gauss()];
    },
    rings: (label, t, gauss, noise) => {
      const radius = (label ? 0.3 : 0.7) + noise * gauss();
      return [radius * Math.cos(2 * Math.PI * t), radius * Math.sin(2 * Math.PI * t)];
    },
    clouds: (label, t, gauss, noise) => {
      const side = label ? 0.25 : -0.25;
      return [side + (0.15 + noise) * gauss(), side + (0.15 + noise) * gauss()];
    },
  };
  const draw = (shape, count, noise, seed) => {
    const uniform = generator(seed);
    const gauss = normal(uniform);
    return Array.from({ length: count }, (_, i) => {
      const label = i % 2;
      const [x, y] = SHAPES[shape](label, uniform(), gauss, noise);
      return { x, y, label };
    });
  };

  // ---- The network ------------------------------------------------------------------------------------
  // Inputs 2, hidden layers of `width` units with ReLU, one logit. Matrices by rows, one a unit.
  const SIZES = (width) => [[width, 2], [width, width], [1, width]];
  const network = (width, seed) => {
    const gauss = normal(generator(seed));
    const layers = SIZES(width).map(([out, into]) => ({
      W: Float64Array.from({ length: out * into }, () => gauss() * Math.sqrt(2 / into)),
      b: new Float64Array(out),
    }));
    layers[0].b.forEach((_, i, b) => { b[i] = 0.3 * gauss(); });
    const moments = layers.map(({ W, b }) => ["W", "b"].map((name) => {
      const size = (name === "W" ? W : b).length;
      return { first: new Float64Array(size), second: new Float64Array(size) };
    }));
    return { width, layers, moments, steps: 0 };
  };

  const affine = ({ W, b }, input) => b.map((bias, i) => {
    let sum = bias;
    for (let j = 0, at = i * input.length; j < input.length; j += 1) sum += W[at + j] * input[j];
    return sum;
  });
  // Hidden values behind ReLU and dropout: `masks` are factors 0 or 1/q, or none in evaluation.
  const hidden = (layer, input, factors) => {
    const h = affine(layer, input);
    for (let i = 0; i < h.length; i += 1) h[i] = h[i] > 0 ? h[i] * (factors ? factors[i] : 1) : 0;
    return h;
  };
  const pass = ({ layers }, input, masks) => {
    const h1 = hidden(layers[0], input, masks?.[0]);
    const h2 = hidden(layers[1], h1, masks?.[1]);
    return { h1, h2, logit: affine(layers[2], h2)[0] };
  };
  const logit = (net, x, y) => pass(net, [x, y]).logit;

  // Loss log(1 + exp(-s)) of a logit, s its agreement with the label; no overflow.
  const loss = (value, label) => {
    const s = label ? value : -value;
    return Math.log1p(Math.exp(-Math.abs(s))) + Math.max(0, -s);
  };
  const evaluate = (net, points) => {
    let [total, wrong] = [0, 0];
    for (const { x, y, label } of points) {
      const value = logit(net, x, y);
      total += loss(value, label);
      wrong += (value > 0) !== Boolean(label);
    }
    return { loss: total / points.length, error: wrong / points.length };
  };

  // ---- Learning -----------------------------------------------------------------------------------------
  const drawMasks = (width, p, uniform) => [0, 1].map(() =>
    Float64Array.from({ length: width }, () => (uniform() >= p ? 1 / (1 - p) : 0)));

  // Mean gradient over the points; `masks` holds the two of each point, or is null.
  const gradient = (net, points, masks) => {
    const grads = net.layers.map(({ W, b }) => [new Float64Array(W.length), new Float64Array(b.length)]);
    const { width } = net;
    points.forEach(({ x, y, label }, k) => {
      const input = [x, y];
      const factors = masks?.[k];
      const { h1, h2, logit: value } = pass(net, input, factors);
      const slope = (1 / (1 + Math.exp(-value)) - label) / points.length;
      const back = [null, null, [slope]];
      for (const layer of [1, 0]) {
        const above = back[layer + 1];
        const { W } = net.layers[layer + 1];
        const values = layer ? h2 : h1;
        const delta = new Float64Array(width);
        for (let j = 0; j < width; j += 1) {
          if (values[j] <= 0) continue; // dropped, or not active
          let sum = 0;
          for (let i = 0; i < above.length; i += 1) sum += W[i * width + j] * above[i];
          delta[j] = sum * (factors ? factors[layer][j] : 1);
        }
        back[layer] = delta;
      }
      [input, h1, h2].forEach((below, layer) => {
        const [gW, gb] = grads[layer];
        back[layer].forEach((d, i) => {
          if (d === 0) return;
          gb[i] += d;
          for (let j = 0, at = i * below.length; j < below.length; j += 1) gW[at + j] += d * below[j];
        });
      });
    });
    return grads;
  };

  // One step of Adam (Kingma and Ba 2015) with its usual constants.
  const [RATE, FIRST, SECOND, TINY] = [0.01, 0.9, 0.999, 1e-8];
  const step = (net, points, masks) => {
    const grads = gradient(net, points, masks);
    net.steps += 1;
    const rate = (RATE * Math.sqrt(1 - SECOND ** net.steps)) / (1 - FIRST ** net.steps);
    const tiny = TINY * Math.sqrt(1 - SECOND ** net.steps);
    net.layers.forEach((layer, l) => ["W", "b"].forEach((name, which) => {
      const { first, second } = net.moments[l][which];
      const [values, slopes] = [layer[name], grads[l][which]];
      for (let i = 0; i < values.length; i += 1) {
        first[i] = FIRST * first[i] + (1 - FIRST) * slopes[i];
        second[i] = SECOND * second[i] + (1 - SECOND) * slopes[i] ** 2;
        values[i] -= (rate * first[i]) / (Math.sqrt(second[i]) + tiny);
      }
    }));
  };

  return { draw, drawMasks, evaluate, gradient, logit, loss, network, normal, pass, shapes: Object.keys(SHAPES), step };
})();
