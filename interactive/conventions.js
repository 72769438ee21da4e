// One dropout in four spellings: its number drops or keeps, its factor stands in training or after.
playground.figure("conventions", (figure) => {
  "use strict";
  const { fixed, html, show } = playground;

  const x = [2, -1, 3, 0.5];
  const u = [0.72, 0.31, 0.94, 0.55]; // the uniform numbers behind the mask
  let drop = 0.4; // probability of dropping, whatever the number on the slider says
  let number = "drop";
  let place = "inverted";

  const NUMBERS = {
    drop: { name: "p", means: "probability of dropping", kept: "1 - p", tex: "1-p", mask: "rng.random(x.shape) >= p", law: "P(m_i = 1) = 1 - p" },
    keep: { name: "keep", means: "probability of keeping", kept: "keep", tex: "k", mask: "rng.random(x.shape) < keep", law: "P(m_i = 1) = k" },
  };
  const USERS = {
    "drop inverted": "PyTorch, Keras, Flax, Equinox and this book",
    "keep inverted": "TensorFlow 1",
    "drop standard": "Hinton et al. 2012",
    "keep standard": "Srivastava et al. 2014, who call the number p",
  };

  const code = () => {
    const { name, means, kept, mask } = NUMBERS[number];
    const bracket = kept.includes(" ") ? `(${kept})` : kept;
    const [training, inference] = place === "inverted"
      ? [`x * mask / ${bracket}`, "x"]
      : ["x * mask", `x * ${bracket}`];
    return [
      `def dropout(x, ${name}, training, rng):`,
      `    """${name}: ${means}."""`,
      "    if not training:",
      `        return ${inference}`,
      `    mask = ${mask}`,
      `    return ${training}`,
    ].join("\n");
  };
  const formulas = () => {
    const { tex, law } = NUMBERS[number];
    const [training, inference] = place === "inverted"
      ? [`\\dfrac{x \\odot m}{${tex}}`, "x"]
      : ["x \\odot m", `${tex === "k" ? "k" : `(${tex})`}\\,x`];
    return `\\begin{aligned} \\text{training:}&\\quad ${training} \\\\[4pt] \\text{inference:}&\\quad ${inference} \\\\[4pt] \\text{mask:}&\\quad ${law} \\end{aligned}`;
  };

  figure.choice("The number means", { drop: "dropping", keep: "keeping" }, number, (value) => { number = value; update(); });
  figure.choice("The factor stands", { inverted: "in training (inverted)", standard: "at inference (standard)" }, place, (value) => { place = value; update(); });
  const slider = figure.slider("Its value", { min: 0.05, max: 0.95, step: 0.05, value: drop, text: (v) => fixed(v) }, (value) => {
    drop = number === "drop" ? value : Number((1 - value).toFixed(2));
    update();
  });

  const formula = html("div", { class: "formula" });
  const listing = html("pre", { class: "listing", tabindex: 0, role: "region", "aria-label": "The function in NumPy" });
  const users = html("p", { class: "users" });
  figure.picture.classList.add("side-by-side");
  figure.picture.append(html("div", {}, formula, users), listing);

  const typeset = () => {
    const tex = formulas();
    if (!window.MathJax?.tex2chtml) { // not yet loaded
      formula.textContent = "";
      return;
    }
    formula.replaceChildren(window.MathJax.tex2chtml(tex, { display: true }));
    window.MathJax.startup.document.clear();
    window.MathJax.startup.document.updateDocument();
  };

  function update() {
    const value = number === "drop" ? drop : Number((1 - drop).toFixed(2));
    if (Number(slider.value) !== value) {
      slider.value = value;
      slider.nextElementSibling.textContent = fixed(value);
    }
    slider.setAttribute("aria-valuetext", `${NUMBERS[number].means} ${fixed(value)}`);
    const keep = 1 - drop;
    const mask = u.map((v) => v >= drop);
    const training = x.map((v, i) => (mask[i] ? (place === "inverted" ? v / keep : v) : 0));
    const inference = x.map((v) => (place === "inverted" ? v : v * keep));
    const list = (values) => values.map((v) => show(v)).join(", ");
    listing.textContent = code();
    users.textContent = `So written by ${USERS[`${number} ${place}`]}.`;
    typeset();
    figure.tell({
      input: ["activations x", list(x)],
      training: ["training, with one mask", list(training)],
      inference: ["inference", list(inference)],
      torch: ["in torch.nn", `Dropout(p=${show(drop)})`],
      keras: ["in keras.layers", `Dropout(rate=${show(drop)})`],
      tf1: ["in TensorFlow 1", `keep_prob=${show(Number(keep.toFixed(2)))}`],
      weights: ["weights of the next layer", `inverted = ${show(Number(keep.toFixed(2)))} × standard`],
      rates: ["their learning rate, SGD", `inverted = ${show(Number((keep * keep).toFixed(4)))} × standard`],
    }, `The number ${fixed(value)} is the ${NUMBERS[number].means}; the factor ${fixed(keep)} stands ${place === "inverted" ? "in training, as a divisor" : "at inference, as a multiplier"}. ` +
       `The same dropout is nn.Dropout(p=${show(drop)}) in PyTorch.`);
  }
  update();
  window.addEventListener("load", () => window.MathJax?.startup?.promise?.then(typeset));

  return () => ({ drop, number, place, x, u, code: code() });
});
