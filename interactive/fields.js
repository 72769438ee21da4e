// Answer fields under the exercises. Their data stand in the page; math.js and the judge are loaded
// when a field is first used, by classic scripts, so that it works from a disk.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  const store = document.querySelector("script.answer-fields");
  if (!store) return;
  const { fields, general, scripts } = JSON.parse(store.textContent);

  const html = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  // ---- The engine, when it is wanted -------------------------------------------------------------
  let engine = null;
  const load = (source) => new Promise((resolve, reject) => {
    document.head.append(html("script", { src: source, onload: resolve, onerror: reject }));
  });
  const judge = () => (engine ??= scripts.reduce((before, source) => before.then(() => load(source)),
    Promise.resolve()).then(() => window.bookJudge));

  // `code` between backticks is code; everything else is text.
  const words = (text) => text.split("`").map((part, i) => (i % 2 ? html("code", {}, part) : part));

  let serial = 0;
  const build = (label, field, number) => {
    const id = `answer-${serial += 1}`;
    const key = number ? `${label}-${number + 1}` : label;
    const verdict = html("p", { class: "verdict", role: "status", "aria-live": "polite", id: `${id}-verdict` });
    const tell = (found) => {
      verdict.textContent = found.says;
      verdict.dataset.verdict = found.unread ? "unread" : found.right ? "right" : "wrong";
      if (!found.unread) window.bookProgress?.note(key, found.right);
    };
    const ask = async (answer) => {
      verdict.textContent = "…";
      tell((await judge()).judge(field, answer, general));
    };
    const button = () => html("button", { type: "submit" }, "Check");

    const keys = (input) => {
      const letters = Object.keys(field.letters ?? {});
      const signs = [...letters, ...(letters.includes("p") ? ["q"] : []), "^", "/", "*", "(", ")",
        ...(Object.values(field.letters ?? {}).some((kind) => typeof kind === "string" && kind.includes("x")) ? ["'"] : [])];
      const press = (sign) => {
        const [from, to] = [input.selectionStart, input.selectionEnd];
        input.setRangeText(sign, from, to, "end");
        input.dispatchEvent(new Event("input"));
        input.focus();
      };
      return html("div", { class: "answer-keys", role: "group", "aria-label": "Signs to insert" },
        ...signs.map((sign) => html("button", { type: "button", onclick: () => press(sign) }, sign)));
    };

    const makers = {
      formula: () => {
        const shown = html("div", { class: "answer-preview", "aria-hidden": "true" });
        const input = html("input", { id, type: "text", autocomplete: "off", autocapitalize: "off",
          autocorrect: "off", spellcheck: "false", "aria-describedby": `${id}-verdict` });
        let last = 0;
        const preview = async () => {
          const mine = last += 1;
          if (!input.value.trim()) { shown.replaceChildren(); return; }
          try {
            const tex = (await judge()).preview(field, input.value);
            if (mine !== last) return;
            shown.textContent = `\\(${tex}\\)`;
            await window.MathJax?.typesetPromise?.([shown]);
          } catch { /* half a formula: what was shown stays */ }
        };
        input.addEventListener("focus", judge, { once: true });
        input.addEventListener("input", preview);
        return [html("form", { onsubmit: (event) => { event.preventDefault(); ask(input.value); } },
          html("label", { for: id }, ...words(field.ask)), html("div", { class: "answer-line" }, input, button()),
          keys(input)), shown];
      },
      numbers: () => {
        const entries = Object.entries(field.names).map(([name, text]) => [text, html("input", {
          id: `${id}-${name}`, type: "text", inputmode: "text", autocomplete: "off",
          "aria-describedby": `${id}-verdict` })]);
        entries[0][1].addEventListener("focus", judge, { once: true });
        return [html("form", { onsubmit: (event) => {
          event.preventDefault();
          ask(entries.map(([, input]) => input.value));
        } }, html("fieldset", {}, html("legend", {}, ...words(field.ask)),
          ...entries.map(([text, input]) => html("div", { class: "answer-number" },
            html("label", { for: input.id }, ...words(text)), input))), button())];
      },
      choice: () => {
        // In the order of their texts: the right one has no place of its own.
        const options = [...field.right, ...Object.keys(field.wrong ?? {})].sort();
        return [html("form", { onsubmit: (event) => {
          event.preventDefault();
          ask([...new FormData(event.target).keys()].length
            ? new FormData(event.target).getAll("option") : []);
        } }, html("fieldset", {}, html("legend", {}, ...words(field.ask)),
          ...options.map((option) => html("label", { class: "answer-option" },
            html("input", { type: field.several ? "checkbox" : "radio", name: "option", value: option }),
            html("span", {}, ...words(option))))), button())];
      },
      code: () => [html("p", { class: "answer-ask" }, ...words(field.ask)),
        html("p", {}, "Run it here, or judge it in the notebook of this chapter by ",
          html("code", {}, `exercises.check("${label}", your_answer)`), ".")],
      checklist: () => {
        const boxes = field.criteria.map((text) => html("label", { class: "answer-option" },
          html("input", { type: "checkbox" }), html("span", {}, ...words(text))));
        const count = () => {
          const ticked = boxes.filter((box) => box.firstChild.checked).length;
          tell({ right: ticked === boxes.length, says: ticked === boxes.length
            ? "All of it is there." : `${ticked} of ${boxes.length}.` });
        };
        boxes.forEach((box) => box.addEventListener("change", count));
        return [html("details", {}, html("summary", {}, "Is your answer complete?"),
          html("fieldset", {}, html("legend", {}, field.ask), ...boxes))];
      },
    };
    return html("div", { class: `answer-field answer-${field.kind}`, "data-answer": key },
      ...makers[field.kind](), verdict);
  };

  for (const [label, asked] of Object.entries(fields)) {
    const exercise = document.getElementById(label);
    if (!exercise) continue;
    // Behind the exercise and its hint, before the solution.
    const hint = exercise.nextElementSibling?.matches(".exercise-hint") ? exercise.nextElementSibling : exercise;
    hint.after(...asked.map((field, i) => build(label, field, i)));
  }
});
