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
  const GREEK = { π: "pi", σ: "sigma", μ: "mu", µ: "mu", ν: "nu", τ: "tau", λ: "lambda", α: "alpha", ρ: "rho" };
  // What \frac and \sqrt take without braces: one sign, or a Greek letter by its name.
  const TOKEN = String.raw`(?:\{([^{}]*)\}|(\\(?:${Object.values(GREEK).join("|")})(?![A-Za-z])|\w))`;
  const FRAC = new RegExp(String.raw`\\(?:[cdt]|nice|s)?frac\s*${TOKEN}\s*${TOKEN}`, "g");
  const SQRT = new RegExp(String.raw`\\sqrt\s*${TOKEN}`, "g");
  const latex = (text) => {
    let found = text.replace(/\\(?:left|right|(?:display|text)style|[bB]igg?[lmr]?)(?![A-Za-z])/g, "")
      .replace(/\$|~|\\q?quad(?![A-Za-z])|\\[()[\],;:! ]/g, " ").replace(/\\\{/g, "(").replace(/\\\}/g, ")")
      .replace(/\\\||\\[lr]?[Vv]ert(?![A-Za-z])/g, "|").replace(/\{([.,])\}/g, "$1") // 0{,}5
      .replace(/\^\s*(?:\\prime(?![A-Za-z])|\{\s*\\prime\s*\})/g, "'")
      .replace(/\\(?:operatorname|math(?:rm|bf|sf|it)|boldsymbol|bm|vec|text)(?![A-Za-z])\s*(?:\{([^{}]*)\})?/g,
        (_, inside) => inside ?? " ");
    for (let before = null; before !== found;) { // from the innermost braces outwards
      before = found;
      found = found.replace(/\^\s*\{([^{}]*)\}/g, "^($1)").replace(/_\s*\{([^{}]*)\}/g, "_$1")
        .replace(FRAC, (_, a, b, c, d) => `((${a ?? b})/(${c ?? d}))`)
        .replace(/\\sqrt\s*\[([^[\]]*)\]\s*\{([^{}]*)\}/g, "(($2)^(1/($1)))")
        .replace(SQRT, (_, a, b) => `sqrt(${a ?? b})`)
        .replace(/\{([^{}]*?)\\over(?![A-Za-z])([^{}]*)\}/g, "(($1)/($2))");
    }
    return found.replace(/^(.*)\\over(?![A-Za-z])(.*)$/s, "($1)/($2)")
      .replace(/[{[]/g, "(").replace(/[}\]]/g, ")").replace(/\\(?:cdot|times|ast)(?![A-Za-z])/g, "*")
      .replace(/\\(?:odot|circ)(?![A-Za-z])/g, ".*").replace(/\\div(?![A-Za-z])/g, "/")
      .replace(/\\top(?![A-Za-z])/g, "T").replace(/\\sum(?![A-Za-z])/g, "Σ").replace(/\\(?=[A-Za-z])/g, " ");
  };

  // Signs of other keyboards and of copied text: wide ones, spaces of any width, hyphens, slashes.
  const PLAIN = [[/[！-～]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0)],
    [/[\u00ad\u200b-\u200f\u2060\ufeff]/g, ""], [/[^\S\n]/g, " "], [/[−–—‐‑‒]/g, "-"],
    [/^\s*`+|`+\s*$/g, ""], [/(?<!\d)[¼-¾⅐-⅞]/g, (sign) => `(${sign.normalize("NFKC")})`],
    [/[÷⁄∕]|:(?!=)/g, "/"]];
  // All of the raised signs but the T, which transposes.
  const RAISED = /[⁰¹²³⁴-⁻⁽⁾ⁱⁿᴬ-ᴿᵁ-ᵛᶜᶠᶻⱽʰʲʳʷʸˡˢˣ]+/g;
  const SPELLINGS = [[/[·×∙⋅∗•@]/g, "*"], [/[⊙∘]/g, ".*"], [/\*\*/g, "^"],
    [RAISED, (signs) => `^(${signs.normalize("NFKC").replaceAll("−", "-")})`],
    [/[₀-₉]+/g, (signs) => `_${signs.normalize("NFKC")}`], [/√/g, " sqrt "],
    [new RegExp(`[${Object.keys(GREEK).join("")}]`, "g"), (letter) => ` ${GREEK[letter]} `],
    [/[’‘′´`ʹ]|ᵀ|⊤|\.T(?!\w)/g, "'"],
    [/(?:‖([^‖]*)‖|\|\|([^|]*)\|\||\|([^|]*)\|)(?:_\(?[2F]\)?(?!\w))?/g, (_, a, b, c) => ` norm(${a ?? b ?? c})`],
    [/\b(?:np|numpy|math|torch)\.(?:linalg\.)?/g, ""], [/\blog_(?:\((2|10)\)|(2|10)(?![\d.]))\s*/gi, "log$1$2 "],
    [/ln(?![A-Za-z])\s*/gi, "log "], [/\bl[bd]\b/g, "log2"], [/\bsgn\b/gi, "sign"],
    [/\brelu\s*\(/gi, "max(0, "], [/\bdiag(?=\s*\()/gi, "diag"], [/([A-Za-z])_(\d)/g, "$1$2"]];

  // 1/2q; where e is a letter, 1/2e+1 too, which is none of the form 2e+1.
  const behind = (power) => new RegExp(
    `/\\s*\\d+(?:\\.\\d+)?${power}(?=[A-Za-z(√${Object.keys(GREEK).join("")}])`, "i");
  const BEHIND = { number: behind("(?!e[+-]?\\d)"), letter: behind("") };

  // 1 000, 1'000 and 1,000,000 are one number, 0,5 is a half; 1,000 may be either. 1.000,5 and
  // 1,000.5 cannot.
  const numbers = (text, letterE) => {
    const joined = text.replace(/(?<![\w.,])\d{1,3}(?:[ '_]\d{3})+(?!\d)/g, (all) => all.replace(/\D/g, ""))
      .replace(/(?<![\w.,])\d{1,3}(?:(?:\.\d{3})+(?=,\d)|(?:\.\d{3}){2,}(?![\d.]))/g, (all) => all.replaceAll(".", ""));
    const commas = /\b(?:dot|max|min)\s*\(/.test(joined) ? joined // there they part arguments
      : joined.replace(/(?<![\d.,])\d{1,3}(?:(?:,\d{3})+(?=\.\d)|(?:,\d{3}){2,}(?![\d,]))/g, (all) => all.replaceAll(",", ""))
        .replace(/(?<![\d.,])[1-9]\d{0,2},\d{3}(?![\d,])/g, (all) => {
          throw new Unread(`“${all}” can be read in two ways: write ${all.replace(",", "")} or ${all.replace(",", ".")}.`);
        })
        .replace(/(\d),(?=\d)/g, "$1.");
    return commas.replace(/(\d+(?:\.\d+)?)\s*\\?%(?!\s*[\w(])/g, "($1/100)")
      .replace(/(?<![\d.])\.(?=\d)/g, "0.")
      .replace(/(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)/gi, letterE ? "$1*e $2" : "($1*10^($2))");
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
    const respelt = (text, pairs) => pairs.reduce((found, [from, to]) => found.replace(from, to), text);
    const alone = respelt(latex(typed).trim().replace(/^=\s*/, "").replace(/[.,;:\s]+$/, ""), PLAIN);
    const bare = field.letters ? alone : alone.replace(/^[A-Za-z]\w*\s*[=≈]|^≈/, "").replace(/≈.*$/s, "");
    const letterE = letters.includes("e");
    if (BEHIND[letterE ? "letter" : "number"].test(bare)) throw new Unread(TWO_WAYS);
    let text = numbers(respelt(bare, SPELLINGS), letterE);
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
