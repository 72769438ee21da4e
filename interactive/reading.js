// Reads what spelling.js has made of what a reader types with math.js, and adds to it what averages
// over masks. Loaded with it when a field is first used; judge.js compares.
window.bookReading = (() => {
  "use strict";
  const { AVERAGES, CONSTANTS, FUNCTIONS, TWO_WAYS, Unread, lettersOf, named, shapeOf, spell } = window.bookSpelling;
  const LONGEST = 2000; // signs, so that no nesting in it is too deep for the stack
  const STRANGE = /[^\w\s+\-*/^().,'=<>!:;|&%Σ∑]/u; // math.js would take some for text or a comment
  const LARGEST = 2 ** 17; // bits of a power: 9^9^9 would keep the page for hours

  const exact = math.create({ number: "Fraction", matrix: "Matrix" });
  const rounded = math.create({ number: "number", matrix: "Matrix" });

  // ---- What is added to math.js ---------------------------------------------------------------
  const isMatrix = (value) => Boolean(value?.isMatrix);
  const isColumn = (value) => isMatrix(value) && value.size().length === 2 && value.size()[1] === 1;
  class NotExact extends Error {}
  class TooLarge extends Error { message = "a power in it is too large"; }

  for (const engine of [exact, rounded]) {
    const { dotPow, divide, map, multiply, pow, reshape } = engine;
    const each = (f) => (value) => (isMatrix(value) ? map(value, (v) => f(v)) : f(value));
    // A matrix of one entry is a number, as in x' y.
    const lower = (value) => (isMatrix(value) && value.size().every((n) => n === 1)
      ? value.get(value.size().map(() => 0)) : value);
    const smooth = (name) => each((v) => {
      if (engine === exact) throw new NotExact(name);
      return Math[name](typeof v === "number" ? v : engine.number(v));
    });
    const power = (base, exponent) => {
      if (isColumn(base)) return dotPow(base, exponent); // x^2 squares the entries
      if (isMatrix(base)) return powerOfMatrix(base, Number(exponent));
      if (engine === exact) {
        if (exponent.d !== 1n) throw new NotExact("power");
        const bits = `${base.n}${base.d}`.length * 10 / 3;
        if (bits * Math.abs(Number(exponent)) > LARGEST) throw new TooLarge();
      }
      return pow(base, exponent);
    };
    // W^2 may be W*W or W.^2, and is read where both are one, as for diag(x)^2.
    const powerOfMatrix = (base, exponent) => {
      if (exponent === -1) return engine.inv(base);
      const square = exponent === 2 && multiply(base, base);
      if (square && engine.deepEqual(square, dotPow(base, 2))) return square;
      throw new Error("write W*W or W.^2 for a power of a matrix");
    };
    // The root of all squares: the length of a vector, the size of a number.
    const norm = (value) => {
      if (!isMatrix(value)) return engine.abs(value);
      if (engine === exact) throw new NotExact("norm");
      return Math.hypot(...value.toArray().flat());
    };
    engine.import({
      norm,
      power,
      times: (a, b) => lower(multiply(a, b)),
      over: (a, b) => divide(a, lower(b)),
      dot: (a, b) => lower(multiply(engine.transpose(a), b)),
      reshape: (value, sizes) => reshape(value, sizes.toArray().map(Number)),
      rowmax: (value) => engine.matrix(value.toArray().map((row) => [engine.max(row)])),
      outer: (a, b) => multiply(a, engine.transpose(b)),
      diag: (value) => {
        if (!isColumn(value)) return engine.matrix(value.toArray().map((row, i) => [row[i]]));
        const entries = value.toArray().flat();
        return engine.matrix(entries.map((v, i) => entries.map((_, j) => (i === j ? v : engine.multiply(0, v)))));
      },
      sqrt: smooth("sqrt"), exp: smooth("exp"), log2: smooth("log2"),
      log10: smooth("log10"), sin: smooth("sin"), cos: smooth("cos"),
      log: (value, base) => (base === undefined ? smooth("log")(value)
        : divide(smooth("log")(value), smooth("log")(base))),
      ...averages(engine),
    }, { override: true });
  }

  // E, U and G get the text of their argument and the letters, so that they can evaluate it once
  // for each mask.
  const copied = (scope) => new Map(Array.from(scope.keys(), (name) => [name, scope.get(name)]));
  function averages(engine) {
    const whole = (k) => (engine === exact ? engine.fraction(k) : k);
    const over = (weighted) => {
      const mean = (args, _, scope) => {
        const groups = Object.entries(scope.get("masks"));
        const units = groups.reduce((sum, [, n]) => sum + n, 0);
        const f = args[0].compile();
        let sum = null;
        for (let k = 0; k < 2 ** units; k += 1) {
          const inside = copied(scope);
          let [weight, bit] = [whole(1), 0];
          for (const [name, n] of groups) {
            const bits = Array.from({ length: n }, () => (k >> bit++) & 1);
            inside.set(name, engine.matrix(bits.map((kept) => [whole(kept)])));
            bits.forEach((kept, i) => {
              inside.set(`${name}${i + 1}`, whole(kept));
              if (weighted) weight = engine.multiply(weight, inside.get(kept ? "q" : "p"));
            });
          }
          if (!weighted) weight = engine.divide(whole(1), whole(2 ** units));
          inside.set("P", weight);
          const term = engine.multiply(weight, f.evaluate(inside));
          sum = sum === null ? term : engine.add(sum, term);
        }
        return sum;
      };
      mean.rawArgs = true;
      return mean;
    };
    // Mean over a normal number z: three points, exact for polynomials up to the fifth degree.
    const G = (args, _, scope) => {
      if (engine === exact) throw new NotExact("G");
      const f = args[0].compile();
      return [[0, 2 / 3], [-Math.sqrt(3), 1 / 6], [Math.sqrt(3), 1 / 6]]
        .map(([z, w]) => w * f.evaluate(copied(scope).set("z", z)))
        .reduce((sum, term) => sum + term, 0);
    };
    G.rawArgs = true;
    const E = over(true);
    const mean = (text, scope) => E([engine.parse(text)], engine, scope);
    const Cov = ([a, b], _, scope) => {
      const [f, g] = [a.toString(), (b ?? a).toString()];
      return engine.subtract(mean(`times(${f}, transpose(${g}))`, scope),
        engine.times(mean(f, scope), engine.transpose(mean(g, scope))));
    };
    Cov.rawArgs = true;
    return { E, U: over(false), G, Cov, Var: Cov };
  }

  // ---- Reading --------------------------------------------------------------------------------
  const spoken = (all) => (all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`);
  const unknown = (name, field) => {
    if (FUNCTIONS.includes(name)) return `Write ${name}(…), with parentheses.`;
    const [, vector] = /^([A-Za-z]+)_/.exec(name) ?? [];
    if (shapeOf(field.letters?.[vector])) return `Write ${vector} for all of ${name}, and ${vector}${"1".repeat(shapeOf(field.letters[vector]).length)} for the first.`;
    const all = named(field);
    return all.length ? `There is no letter “${name}” here, but ${spoken(all)}.` : `Write a number without “${name}”.`;
  };

  const check = (node, field) => {
    const letters = [...lettersOf(field), ...CONSTANTS];
    node.traverse((one, path, parent) => {
      if (one.isSymbolNode && !letters.includes(one.name) && !(parent?.isFunctionNode && path === "fn")) {
        throw new Unread(unknown(one.name, field));
      }
      if (one.isConstantNode && !Number.isFinite(Number(typeof one.value === "object" ? one.value : NaN))) {
        throw new Unread(unknown(String(one.value), field));
      }
      if (one.isFunctionNode && !FUNCTIONS.includes(one.fn.name)) {
        throw new Unread(`There is no function “${one.fn.name ?? one.fn.toString()}” here.`);
      }
      const most = { dot: 2, log: 2, max: Infinity, min: Infinity };
      if (one.isFunctionNode && one.args.length > (most[one.fn.name] ?? 1)) {
        throw new Unread(`What stands in ${one.fn.name}(…) is read without commas.`);
      }
      const kinds = ["isSymbolNode", "isConstantNode", "isOperatorNode", "isParenthesisNode",
        "isFunctionNode"];
      if (!kinds.some((kind) => one[kind])) throw new Unread("Write one formula, without “=” and without commas.");
      if (one.isOperatorNode && !["+", "-", "*", "/", "^", ".*", ".^", "./", "'"].includes(one.op)) {
        throw new Unread(`The sign “${one.op}” is not read here.`);
      }
      // math.js takes 1/2 p for (1/2) p, but a/b c for a/(b c): people read both ways.
      if (one.isOperatorNode && one.op === "/" && one.args[1].isOperatorNode && one.args[1].implicit) {
        throw new Unread(TWO_WAYS);
      }
    });
  };

  const OURS = { "*": "times", "/": "over", "^": "power" };
  const ready = (node, engine) => node.transform((one) => (one.isOperatorNode && OURS[one.op]
    && one.args.length === 2
    ? new engine.FunctionNode(OURS[one.op], one.args.map((part) => ready(part, engine))) : one));
  const compiled = (text) => [exact, rounded].map((engine) =>
    ready(engine.parse(text), engine).compile());

  // What math.js objects to, in words; its places are those of the spelt text.
  const SAID = [[/Unexpected end/, "it ends too early"], [/Parenthesis \)/, "a parenthesis is not closed"],
    [/Value expected/, "a number or a letter is missing"], [/operator ,/, "a comma has no place in it"],
    [/call stack/, "it is nested too deeply"], [/Invalid argument/, "a number in it is not one"],
    [/(?:in|Unexpected) part "(.*)"/s, "what begins with “$1” does not fit"]];
  const objection = (message) => {
    const [seen, says] = SAID.find(([pattern]) => pattern.test(message)) ?? [null, message];
    return seen ? says.replace("$1", seen.exec(message)[1]?.slice(0, 12)) : says;
  };

  const read = (text, field) => {
    if (text.length > LONGEST) throw new Unread(`This is too long to be read: ${LONGEST} signs at most.`);
    const spelt = spell(text, field);
    if (!spelt.trim()) throw new Unread("Write a formula first.");
    const [strange] = STRANGE.exec(spelt) ?? [];
    if (strange) throw new Unread(`The sign “${strange}” is not read here.`);
    let node;
    try {
      node = exact.parse(spelt);
    } catch (error) {
      throw new Unread(`This cannot be read: ${objection(error.message)}.`);
    }
    check(node, field);
    return { node, text: spelt, code: compiled(spelt) };
  };

  // What a page shows beside the field while the reader types.
  const preview = (field, text) => {
    const { node } = read(text, field);
    return node.toTex({ parenthesis: "auto", implicit: "hide", handler: (one) => {
      if (one.isSymbolNode) {
        const [, base, below] = /^([A-Za-z]+?)(\d*)$/.exec(one.name) ?? [null, one.name, ""];
        const letter = base.length > 1 ? `\\${base}` : base;
        return below ? ` ${letter}_{${below}}` : ` ${letter}`;
      }
      if (one.isOperatorNode && one.op === "'") return `${one.args[0].toTex({ handler: () => undefined })}^\\top`;
      return undefined;
    } });
  };

  return { AVERAGES, CONSTANTS, NotExact, Unread, compiled, exact, explicit: (field, text) =>
    rounded.parse(read(text, field).text), isMatrix, lettersOf, preview,
    read, rounded };
})();
