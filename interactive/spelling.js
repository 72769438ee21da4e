// Turns what people type into what math.js reads: LaTeX, the signs of a phone, commas, capitals.
// What can be read in two ways is refused with a word on how to write it. Loaded with reading.js.
window.bookSpelling = (() => {
  "use strict";
  const FUNCTIONS = ["abs", "cos", "diag", "dot", "exp", "inv", "log", "log2", "log10", "max", "min",
    "norm", "prod", "sign", "sin", "sqrt", "sum", "trace", "transpose"];
  const AVERAGES = ["E", "U", "G", "Var", "Cov"];
  const CONSTANTS = ["pi", "e"];

  class Unread extends Error {}
  const TWO_WAYS = "What stands behind the / can be read in two ways: write parentheses, or a * for the product.";

  // ---- Letters --------------------------------------------------------------------------------
  const shapeOf = (kind) => (typeof kind === "number" ? [kind]
    : /^\d+x\d+$/.test(kind) ? kind.split("x").map(Number) : null);
  const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);
  // Names of the entries: x1 of a vector x, W12 of a matrix W.
  const entries = (name, [rows, columns]) => upTo(rows).flatMap((i) =>
    (columns ? upTo(columns).map((j) => `${name}${i}${j}`) : [`${name}${i}`]));
  const named = (field) => [...new Set([...Object.keys(field.letters ?? {}),
    ...("p" in (field.letters ?? {}) ? ["q"] : [])])];
  const lettersOf = (field) => [...named(field), ...Object.entries(field.letters ?? {})
    .flatMap(([name, kind]) => (shapeOf(kind) ? entries(name, shapeOf(kind)) : []))];

  // A capital stands for the small letter, and the other way round, where no letter is both.
  const swapped = (name) => (name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase());
  const meanings = (letters) => {
    const short = letters.filter((name) => /^[A-Za-z]\d*$/.test(name));
    return new Map([...short.map((name) => [swapped(name), name]),
      ...letters.map((name) => [name, name])]);
  };

  // ---- Signs ----------------------------------------------------------------------------------
  const latex = (text) => {
    let found = text.replace(/\\(?:left|right|displaystyle)(?![A-Za-z])/g, "")
      .replace(/\$|\\[()[\],;:! ]/g, " ").replace(/\\\{/g, "(").replace(/\\\}/g, ")")
      .replace(/\\\||\\[lr]?[Vv]ert\b/g, "|")
      .replace(/\\(?:operatorname|mathrm|mathbf|text)\s*\{([^{}]*)\}/g, "$1");
    for (let before = null; before !== found;) { // from the innermost braces outwards
      before = found;
      found = found.replace(/\^\s*\{([^{}]*)\}/g, "^($1)").replace(/_\s*\{([^{}]*)\}/g, "_$1")
        .replace(/\\[cdt]?frac\s*(?:\{([^{}]*)\}|(\w))\s*(?:\{([^{}]*)\}|(\w))/g,
          (_, a, b, c, d) => `((${a ?? b})/(${c ?? d}))`)
        .replace(/\\sqrt\s*\[([^[\]]*)\]\s*\{([^{}]*)\}/g, "(($2)^(1/($1)))")
        .replace(/\\sqrt\s*\{([^{}]*)\}/g, "sqrt($1)");
    }
    return found.replace(/[{[]/g, "(").replace(/[}\]]/g, ")").replace(/\\(?:cdot|times|ast)\b/g, "*")
      .replace(/\\(?:odot|circ)\b/g, ".*").replace(/\\div\b/g, "/").replace(/\\top\b/g, "T")
      .replace(/\\sum(?![A-Za-z])/g, "Σ").replace(/\\(?=[A-Za-z])/g, " ");
  };

  const SMALL = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿᵏ";
  const raised = (signs) => [...signs].map((sign) => "0123456789+-()nk"[[...SMALL].indexOf(sign)]).join("");
  const GREEK = { π: "pi", σ: "sigma", μ: "mu", µ: "mu", ν: "nu", τ: "tau", λ: "lambda", α: "alpha", ρ: "rho" };
  const SPELLINGS = [[/[−–—]/g, "-"], [/[·×∙⋅∗•]/g, "*"], [/[⊙∘]/g, ".*"], [/÷/g, "/"], [/\*\*/g, "^"],
    [new RegExp(`[${SMALL}]+`, "g"), (signs) => `^(${raised(signs)})`],
    [/[₀-₉]/g, (sign) => String(sign.charCodeAt(0) - 0x2080)],
    [/(?<!\d)½/g, "(1/2)"], [/(?<!\d)¼/g, "(1/4)"], [/(?<!\d)¾/g, "(3/4)"], [/√/g, " sqrt "],
    [new RegExp(`[${Object.keys(GREEK).join("")}]`, "g"), (letter) => ` ${GREEK[letter]} `],
    [/[’′]/g, "'"], [/ᵀ|⊤/g, "'"], [/‖([^‖]*)‖|\|\|([^|]*)\|\||\|([^|]*)\|/g, (_, a, b, c) => ` norm(${a ?? b ?? c})`],
    [/\bnp\.|\bmath\./g, ""], [/\blog_\(?(2|10)\b\)?/gi, "log$1"], [/ln(?![A-Za-z])\s*/gi, "log "],
    [/\bl[bd]\b/g, "log2"], [/\bsgn\b/gi, "sign"], [/\brelu\s*\(/gi, "max(0, "],
    [/\bdiag(?=\s*\()/gi, "diag"], [/([A-Za-z])_(\d)/g, "$1$2"]];

  const BEHIND = new RegExp(`/\\s*\\d+(?:\\.\\d+)?(?!e[+-]?\\d)(?=[A-Za-z(√${Object.keys(GREEK).join("")}])`, "i"); // 1/2q

  // 1 000 and 1,000,000 are one number, 0,5 is a half; 1,000 may be either.
  const numbers = (text) => {
    const joined = text.replace(/(?<![\w.,])\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\d])/g,
      (all) => all.replace(/\D/g, ""));
    const commas = /\b(?:dot|max|min)\s*\(/.test(joined) ? joined // there they part arguments
      : joined.replace(/(?<![\d.,])\d{1,3}(?:,\d{3}){2,}(?![\d,])/g, (all) => all.replaceAll(",", ""))
        .replace(/(?<![\d.,])[1-9]\d{0,2},\d{3}(?![\d,])/g, (all) => {
          throw new Unread(`“${all}” can be read in two ways: write ${all.replace(",", "")} or ${all.replace(",", ".")}.`);
        })
        .replace(/(\d),(?=\d)/g, "$1.");
    return commas.replace(/(\d+(?:\.\d+)?)\s*\\?%(?!\s*[\w(])/g, "($1/100)")
      .replace(/(?<![\d.])\.(?=\d)/g, "0.")
      .replace(/(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)/gi, "($1*10^($2))");
  };

  // ---- Names ----------------------------------------------------------------------------------
  // A letter before a parenthesis is a factor, as in p(1-p)^2, and pq is a product; so are p q and
  // p q(1-p), where the parenthesis that q gets must not make a function of p.
  const names = (text, letters) => {
    const means = meanings(letters);
    const known = [...means.keys(), ...(letters.length ? ["e"] : [])].sort((a, b) => b.length - a.length).join("|");
    const product = new RegExp(`^(?:${known || "(?!)"})+$`);
    const factors = (name) => name.match(new RegExp(known, "g")).map((part) => `(${means.get(part) ?? part})`).join("");
    return text.replace(/([A-Za-z]\w*)(\s*\()?(?=(\s+[A-Za-z])?)/g, (all, name, call, factor) => {
      if (means.has(name)) {
        const letter = means.get(name);
        return call ? `(${letter})(` : factor ? `(${letter})` : letter;
      }
      if (call && FUNCTIONS.includes(name.toLowerCase())) return `${name.toLowerCase()}(`;
      if (FUNCTIONS.includes(name) || AVERAGES.includes(name) || CONSTANTS.includes(name)) return all;
      const end = call && FUNCTIONS.find((one) => name.endsWith(one) && product.test(name.slice(0, -one.length)));
      if (end) return `${factors(name.slice(0, -end.length))} ${end}(`; // plog(p)
      if (!product.test(name)) return all;
      return factors(name) + (call ? "(" : "");
    });
  };

  const spell = (typed, field) => {
    const letters = lettersOf(field);
    const kinds = field.letters ?? {};
    const alone = latex(typed).trim().replace(/^=\s*/, "").replace(/[.,;:\s]+$/, "");
    const bare = field.letters ? alone : alone.replace(/^[A-Za-z]\w*\s*[=≈]|^≈/, "");
    if (BEHIND.test(bare)) throw new Unread(TWO_WAYS);
    let text = numbers(SPELLINGS.reduce((found, [from, to]) => found.replace(from, to), bare));
    if (Object.values(kinds).some(shapeOf) && !letters.includes("T")) {
      text = text.replace(/\^\s*\(?\s*T\b\s*\)?/g, "'");
    }
    if (/[Σ∑]|\bsum_/.test(text)) {
      throw new Unread("Write a sum over the entries of x as sum(x), and one of their squares as sum(x^2).");
    }
    // q_L is q, where q is one number.
    text = text.replace(/([A-Za-z]+)_([A-Za-z]+)/g, (all, name) =>
      (letters.includes(name) && !shapeOf(kinds[name]) ? name : all));
    if ("r" in kinds && !letters.includes("rho")) text = text.replace(/\brho\b/g, "r");
    // ln p, where what follows ends the factor.
    text = text.replace(new RegExp(`\\b(${FUNCTIONS.join("|")})\\s+([A-Za-z]\\w*|\\d+(?:\\.\\d+)?)(?!\\s*[\\^(\\w.'])`, "g"),
      "$1($2)");
    return names(text, letters);
  };

  return { AVERAGES, CONSTANTS, FUNCTIONS, TWO_WAYS, Unread, entries, lettersOf, named, shapeOf, spell };
})();
