// Judges an answer: compares it with an average over all masks. Rational formulas are compared
// exactly, in fractions of whole numbers without bound, at a random point; others in doubles.
window.bookJudge = (() => {
  "use strict";
  const { AVERAGES, CONSTANTS, Unread, entries, lettersOf, shapeOf } = window.bookSpelling;
  const { NotExact, compiled, exact, explicit, isMatrix, preview, read, rounded } = window.bookReading;
  const BITS = 64n; // a coordinate is one of 2^64 fractions
  const TRIES = 20; // points for what is compared in doubles
  const LINEAR = ["diag", "dot", "sum", "prod", "trace", "transpose"]; // their entries are rational

  // ---- Points ---------------------------------------------------------------------------------
  const random = (bits) => {
    const words = crypto.getRandomValues(new Uint32Array(Number(bits) / 32));
    return words.reduce((sum, word) => (sum << 32n) + BigInt(word), 0n);
  };
  const fraction = (n, d = 1n) => exact.fraction(n, d);
  const RANDOM = {
    rate: () => fraction(2n * random(BITS) + 1n, 2n ** (BITS + 1n)),
    number: () => fraction(random(BITS) + 1n, 2n ** (BITS - 2n)),
    entry: () => fraction(2n * random(BITS) + 1n - 2n ** BITS, 2n ** (BITS - 2n)),
  };
  // For doubles: no number so near to an end that digits are lost, as those of log(1 + p^3).
  const below = (n) => random(32n) % n;
  const MODERATE = {
    rate: () => fraction(below(900n) + 50n, 1001n),
    number: () => fraction(below(900n) + 100n, 500n),
    entry: () => fraction(below(1000n) - 500n, 251n),
  };
  // Small numbers to show a failure at: not one half at first, which hides mistakes.
  const small = (step) => {
    let count = step;
    return {
      rate: () => [fraction(1n, 3n), fraction(1n, 2n), fraction(1n, 5n), fraction(3n, 4n)][step % 4],
      number: () => fraction(BigInt(1 + (count++ % 5))),
      entry: () => fraction(BigInt([1, 2, -1, 3, -2, 5][count++ % 6])),
    };
  };

  // Letters that are one of several whole numbers: all combinations.
  const cases = (letters) => Object.entries(letters)
    .filter(([, kind]) => Array.isArray(kind))
    .reduce((found, [name, values]) => found.flatMap((one) =>
      values.map((value) => ({ ...one, [name]: value }))), [{}]);

  const point = (field, fixed, draw) => {
    const scope = new Map();
    for (const [name, kind] of Object.entries({ ...field.hidden, ...field.letters })) {
      if (name in fixed) scope.set(name, exact.fraction(fixed[name]));
      else if (kind in draw) scope.set(name, draw[kind]());
      else if (shapeOf(kind)) {
        const [rows, columns = 1] = shapeOf(kind);
        const drawn = Array.from({ length: rows }, () => Array.from({ length: columns }, () => draw.entry()));
        scope.set(name, exact.matrix(drawn));
        entries(name, shapeOf(kind)).forEach((entry, i) => scope.set(entry, drawn.flat()[i]));
      } else scope.set(name, evaluate(compiled(kind)[0], withMasks(scope, field)));
    }
    return scope;
  };
  const withMasks = (scope, field) => {
    const full = new Map(scope);
    if (full.has("p") && !full.has("q")) full.set("q", exact.subtract(exact.fraction(1), full.get("p")));
    const size = (n) => (typeof n === "number" ? n : Number(exact.evaluate(n, new Map(full)).valueOf()));
    full.set("masks", Object.fromEntries(Object.entries(field.masks ?? {}).map(([m, n]) => [m, size(n)])));
    return full;
  };
  const roundedScope = (scope) => new Map([...scope].map(([name, value]) => [name,
    name === "masks" ? value : isMatrix(value) ? rounded.matrix(value.toArray().map((row) => row.map((v) => v.valueOf())))
      : value.valueOf()]));

  const flat = (value) => (isMatrix(value) ? value.toArray().flat(Infinity) : [value]);
  const evaluate = (code, scope) => code.evaluate(scope);
  const isFraction = (value) => flat(value).every((v) => v?.isFraction || typeof v === "bigint");

  // ---- How surely: degrees of numerator and denominator, counted through the formula ----------
  // Each entry is bounded by what the largest matrix and all masks could add.
  const degrees = (node, field, size, masks) => {
    const sum = (all, times = 1) => {
      const d = times * all.reduce((total, [, b]) => total + b, 0);
      return [Math.max(...all.map(([a, b]) => a + d - b)), d];
    };
    const product = ([a, b], [c, d]) => sum([[a + c, b + d]], size);
    const of = (one) => {
      if (one.isSymbolNode) return [1, 0];
      if (one.isParenthesisNode) return of(one.content);
      if (!one.args) return [0, 0];
      const name = one.isFunctionNode ? one.fn.name : one.op;
      const args = one.args.map(of);
      if (["+", "-", "add"].includes(name)) return args.length === 1 ? args[0] : sum(args);
      if (["*", ".*", "times", "dot", "outer"].includes(name)) return product(args[0], args[1] ?? [0, 0]);
      if (["/", "./", "over"].includes(name)) return product(args[0], [args[1][1], args[1][0]]);
      if (["^", ".^", "power"].includes(name)) {
        const leaves = one.args[1].filter((n) => n.isConstantNode || n.isSymbolNode);
        const exponent = leaves.reduce((all, n) => all * Math.max(2, Math.abs(n.isConstantNode
          ? Number(n.value) : Math.max(...[field.letters[n.name]].flat()))), 1);
        return [exponent * Math.max(...args[0]), exponent * Math.max(...args[0])];
      }
      const [a, b] = [0, 1].map((side) => Math.max(...args.map((pair) => pair[side])));
      if (AVERAGES.includes(name)) return sum([[2 * a + 2 * masks, 2 * b]], 2 ** masks);
      return sum([[size * size * (a + b), size * size * (a + b)]], size * size);
    };
    return of(node);
  };
  const falsePass = (answer, field, node) => {
    const size = Math.max(...Object.values(field.letters).map((kind) => Math.max(...shapeOf(kind) ?? [1])));
    const masks = Math.min(12, Object.values(field.masks ?? {}).reduce((n, m) => n + (Number(m) || 12), 0));
    const [[a, b], [c, d]] = [answer, node].map((one) => degrees(one, field, size, masks));
    return Math.max(a + d, b + c) / 2 ** Number(BITS);
  };
  // The letter e of a field is none of Euler's.
  const isConstant = (one, field) => one.isSymbolNode && CONSTANTS.includes(one.name) && !(one.name in field.letters);
  const isRational = (node, field) => node.filter((one) => (one.isFunctionNode && !LINEAR.includes(one.fn.name))
    || isConstant(one, field)).length === 0;

  // ---- Comparing ------------------------------------------------------------------------------
  const sameShape = (a, b) => String(isMatrix(a) ? a.size() : []) === String(isMatrix(b) ? b.size() : []);

  // Both sides at one point: null where a side divides by zero, and else whether they agree.
  const compareAt = (answer, reference, scope, field) => {
    const full = withMasks(scope, field);
    if (answer.exact && reference.exact) {
      try {
        const sides = [answer, reference].map(({ code }) => evaluate(code[0], new Map(full)));
        if (sides.every(isFraction)) {
          const [found, wanted] = sides;
          if (!sameShape(found, wanted)) return { agree: false, found, wanted, shape: true };
          const pairs = flat(found).map((v, i) => [v, flat(wanted)[i]]);
          return { exact: true, agree: pairs.every(([v, w]) => exact.equal(v, w)), found, wanted };
        }
      } catch (error) {
        if (/[Dd]ivision by [Zz]ero/.test(error.message)) return null;
        if (!(error instanceof NotExact) && !/[Ff]raction/.test(error.message)) throw error;
      }
    }
    const inside = roundedScope(full);
    const [found, wanted] = [answer, reference].map(({ code }) => evaluate(code[1], new Map(inside)));
    if (!sameShape(found, wanted)) return { agree: false, found, wanted, shape: true };
    if (!flat(wanted).every((v) => Number.isFinite(Number(v)))) return null;
    if (!flat(found).every((v) => Number.isFinite(Number(v)))) {
      return { agree: false, found, wanted };
    }
    const scale = Math.max(1e-12, ...flat(wanted).map((v) => Math.abs(Number(v))));
    const gaps = flat(found).map((v, i) => Math.abs(Number(v) - Number(flat(wanted)[i])));
    return { agree: Math.max(...gaps) <= (field.near ?? 1e-9) * scale, found, wanted };
  };

  const agrees = (answer, reference, field) => {
    let all = true;
    const draw = answer.exact && reference.exact ? RANDOM : MODERATE;
    for (const fixed of cases({ ...field.hidden, ...field.letters })) {
      let points = 0;
      for (let k = 0; k < TRIES; k += 1) {
        const seen = compareAt(answer, reference, point(field, fixed, draw), field);
        if (!seen) continue;
        points += 1;
        if (!seen.agree) return { agree: false };
        all &&= Boolean(seen.exact);
        if (seen.exact) break; // one exact point decides; see the bound
      }
      if (!points) return { agree: false, nowhere: true }; // it divides by zero wherever one looks
    }
    return { agree: true, exact: all };
  };

  const short = (value) => {
    const [whole, near] = [value.toFraction(), Number(value.valueOf().toPrecision(6))];
    return whole.length < 30 ? whole : near && Number.isFinite(near) ? `about ${near}` : "too long to be shown";
  };
  const nameOf = (value) => (isMatrix(value) ? `[${value.toArray().map((row) => row.map(nameOf).join(", ")).join("; ")}]`
    : value?.isFraction ? short(value) : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value));

  // The first of the small points at which the two differ.
  const counterexample = (answer, reference, field) => {
    for (let step = 0; step < 12; step += 1) {
      for (const fixed of cases({ ...field.hidden, ...field.letters })) {
        const scope = point(field, fixed, small(step));
        const seen = compareAt(answer, reference, scope, field);
        if (seen && !seen.agree) {
          const where = Object.keys(field.letters).filter((name) => name !== "q" || !("p" in field.letters))
            .map((name) => `${name} = ${nameOf(scope.get(name))}`).join(", ");
          return { where, found: nameOf(seen.found), wanted: nameOf(seen.wanted), shape: seen.shape };
        }
      }
    }
    return null;
  };

  const SMOOTH = ["norm", "sqrt", "exp", "log", "log2", "log10", "sin", "cos", "G"];
  const isSmooth = (node, field) => node.filter((one) => (one.isFunctionNode && SMOOTH.includes(one.fn.name))
    || isConstant(one, field)).length > 0;
  const stored = (text, field) => {
    const node = exact.parse(text);
    return { node, code: compiled(text), exact: !isSmooth(node, field) };
  };

  const formula = (field, text, general = {}) => {
    const letters = lettersOf(field);
    let answer;
    try {
      answer = read(text, field);
    } catch (error) {
      return { right: false, unread: true, says: error.message };
    }
    answer.exact = !isSmooth(answer.node, field);
    const reference = stored(field.reference, field);
    try {
      const { agree, exact: surely, nowhere } = agrees(answer, reference, field);
      if (nowhere) return { right: false, says: "Not equal: it divides by zero." };
      if (agree) {
        const bound = surely && isRational(answer.node, field) ? falsePass(answer.node, field, reference.node) : null;
        const listed = Object.entries(field.letters).filter(([, kind]) => Array.isArray(kind))
          .map(([name, values]) => `${name} = ${values.join(", ")}`).join(" and ");
        const which = listed ? ` for ${listed}` : "";
        return { right: true, bound, says: bound === null
          ? `Equal${which} within ${(field.near ?? 1e-9).toExponential()} of its size, at ${TRIES} random points.`
          : `Equal${which}, false pass ≤ ${bound.toExponential(1)}.` };
      }
      for (const [form, says] of Object.entries(field.wrong)) {
        if (agrees(answer, stored(form, field), field).agree) return { right: false, form, says };
      }
      for (const [form, says] of Object.entries(general)) {
        const whole = form.replaceAll("R", `(${field.reference})`);
        if (!letters.includes("q") && /\bq\b/.test(form)) continue;
        if (!letters.includes("p") && /\bp\b/.test(form)) continue;
        if (agrees(answer, stored(whole, field), field).agree) return { right: false, form, says: `Not equal: ${says}.` };
      }
      const where = counterexample(answer, reference, field);
      if (!where) return { right: false, says: "Not equal." };
      if (where.shape) return { right: false, says: `Not equal: yours has another shape. At ${where.where} it is ${where.found}, and it should be ${where.wanted}.` };
      return { right: false, where, says: `Not equal. At ${where.where} yours is ${where.found}, and it should be ${where.wanted}.` };
    } catch (error) {
      const why = /dimension|size|matri/i.test(error.message) && !(error instanceof Unread)
        ? "the shapes do not fit; .* multiplies entry by entry, and x' is the transpose" : error.message;
      return { right: false, unread: true, says: `This cannot be computed: ${why}.` };
    }
  };

  // ---- Numbers --------------------------------------------------------------------------------
  const number = (text) => {
    const { code } = read(text, {});
    return Number(evaluate(code[1], new Map()));
  };
  const numbers = (field, texts) => {
    const names = Object.keys(field.names);
    const values = [];
    for (const text of texts) {
      try {
        const value = number(text);
        if (!Number.isFinite(value)) throw new Unread("This is no number.");
        values.push(value);
      } catch (error) {
        return { right: false, unread: true, says: error.message.replace("formula", "number") };
      }
    }
    const scope = (given) => new Map([["masks", field.masks ?? {}],
      ...names.map((name, i) => [name, given[i]])]);
    const measures = field.measures ?? names;
    const measure = (given) => measures.map((text) => Number(evaluate(compiled(text)[1], scope(given))));
    const wanted = field.values.map((text) => Number(evaluate(compiled(text)[1], new Map())));
    const tolerance = field.tolerance ?? 0;
    // A rounding in the last places is none of the reader's.
    const near = (found, value) => Math.abs(found - value) <= tolerance + 1e-12 * Math.abs(value);
    const found = measure(values);
    const off = found.map((value, i) => !near(value, wanted[i]));
    if (!off.some(Boolean)) return { right: true, says: names.length > 1 ? "Right, all of them." : "Right." };
    // A right number that was rounded too far is nearer to the right one than to a wrong form.
    const distance = (to) => measures.reduce((sum, _, i) => sum + Math.abs(found[i] - to[i]), 0);
    for (const entry of field.wrong ?? []) {
      const form = entry.slice(0, -1).map(number);
      if (form.every((value, i) => Math.abs(values[i] - value) <= 1e-3 * Math.abs(value) + 1e-12)
        && distance(measure(form)) <= distance(wanted)) {
        return { right: false, form: entry.slice(0, -1), says: entry.at(-1) };
      }
    }
    if (found.every((value, i) => !off[i] || Math.abs(value - wanted[i]) <= 5e-3 * Math.abs(wanted[i]))) {
      return { right: false, says: "Close, but not exact enough." };
    }
    const which = measures === names && names.length > 1
      ? ` Look again at: ${names.filter((_, i) => off[i]).map((name) => field.names[name]).join("; ")}.` : "";
    return { right: false, says: `Not right.${which}` };
  };

  const choice = (field, chosen) => {
    const mistaken = chosen.find((option) => option in (field.wrong ?? {}));
    if (mistaken !== undefined) return { right: false, form: mistaken, says: field.wrong[mistaken] };
    const missing = field.right.filter((option) => !chosen.includes(option));
    return missing.length ? { right: false, says: chosen.length ? "So far right, and not complete." : "Choose first." }
      : { right: true, says: "Right." };
  };

  const judge = (field, answer, general) => ({ formula, numbers, choice }[field.kind])(field, answer, general);
  return { explicit, judge, preview };
})();
