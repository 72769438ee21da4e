// Search by section, on a server and from disk: suggestions while typing, all hits on search.html.
// Engine and index (book/extensions/search.py) are loaded when a reader first enters the field.
(() => {
  "use strict";
  const SUGGESTED = 8;
  const LISTED = 50;
  const EMPTY = new Set(("a about an and are as at be can do does for from how i if in is it me my of on or should "
    + "that the there to use versus vs what when where which why with").split(" "));
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href);
  const address = (path) => new URL(path, root).href;

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  // ---- Words ----------------------------------------------------------------------------------
  const WORD = /[\p{L}\p{N}]+/gu;
  // What is left of a word without its ending: fits, fitted and fitting are one.
  const stem = (word) => {
    const term = word.toLowerCase().replace(/iz(?=[aei])/, "is");
    if (term.length < 5) return term.replace(/(?<=[a-z]{3})(?<![su])s$/, "");
    return term.replace(/(ational|ations?|ional|ions?|ings?|ed|ers?|es|(?<![su])s|e)$/, "").replace(/([bdfgklmnprt])\1$/, "$1");
  };
  const words = (text) => text.match(WORD) ?? [];
  const stems = (text) => words(text).map(stem);
  const startsWith = (all, at, phrase) => phrase.length && phrase.every((term, i) => all[at + i] === term);

  // ---- Engine ---------------------------------------------------------------------------------
  const load = (name) => new Promise((resolve, reject) => {
    const script = element("script", { src: address(`_static/search/${name}.js`) });
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });

  const build = () => {
    const { pages, synonyms, first } = window.bookSearch;
    const entries = pages.flatMap(([page, chapter, weight, parts]) => parts.map(([anchor, title, text, code]) => (
      { title, chapter, text, code, weight, path: `${page}.html${anchor ? `#${anchor}` : ""}` }))).map((entry, id) => ({ id, ...entry }));
    const byPath = new Map(entries.map((entry) => [entry.path, entry]));
    const groups = synonyms.map((group) => group.map((phrase) => ({ phrase, terms: stems(phrase) })));
    const engine = new window.MiniSearch({
      fields: ["title", "chapter", "text", "code"],
      tokenize: words,
      processTerm: stem,
      searchOptions: {
        boost: { title: 4, chapter: 1.5, code: 0.3 },
        boostDocument: (id) => entries[id].weight,
        prefix: (term) => term.length > 2,
        fuzzy: (term) => (term.length > 5 ? 0.15 : false),
      },
    });
    engine.addAll(entries);

    // A query as one part a word or phrase, each with what means the same, which counts less.
    const partsOf = (query) => {
      const asked = words(query);
      const terms = asked.map(stem);
      const found = [];
      for (let i = 0; i < terms.length;) {
        const same = groups.flatMap((group) => group.filter((one) => startsWith(terms, i, one.terms)).map((one) => ({ group, one })))
          .sort((a, b) => b.one.terms.length - a.one.terms.length)[0];
        const length = same?.one.terms.length ?? 1;
        const phrase = asked.slice(i, i + length).join(" ");
        const others = same ? same.group.filter((one) => one !== same.one) : [];
        if (same || !EMPTY.has(asked[i].toLowerCase())) {
          found.push({ combineWith: "OR", queries: [
            { queries: [phrase], combineWith: "AND" },
            ...others.map((one) => ({ queries: [one.phrase], combineWith: "AND", boostTerm: () => 0.3 }))] });
        }
        i += length;
      }
      return found;
    };

    return (query) => {
      const asked = stems(query);
      const pins = first.flatMap(({ ask, alone = [], show }) => [
        ...ask.map((phrase) => ({ phrase: stems(phrase), show }))
          .filter(({ phrase }) => asked.some((_, i) => startsWith(asked, i, phrase))),
        ...alone.map((phrase) => ({ phrase: stems(phrase), show })).filter(({ phrase }) => String(phrase) === String(asked))]);
      const pinned = pins.flatMap(({ show }) => show.map((path) => byPath.get(path)));
      // What a pinned page answers need not be looked for; the rest of the query is.
      const rest = words(query).filter((word) => !EMPTY.has(word.toLowerCase())
        && !pins.some(({ phrase }) => phrase.includes(stem(word)))).join(" ");
      const queries = partsOf(rest || query);
      const all = queries.length ? engine.search({ combineWith: "AND", queries }) : [];
      const some = queries.length > 1 && all.length < SUGGESTED ? engine.search({ combineWith: "OR", queries }) : [];
      const terms = new Set([...all, ...some].flatMap((hit) => hit.terms));
      if (asked.length > 1 || !terms.has(asked[0])) terms.delete("dropout"); // it is everywhere
      return { hits: [...new Set([...pinned, ...[...all, ...some].map((hit) => entries[hit.id])])], terms };
    };
  };
  let engine;
  const ready = () => (engine ??= Promise.all([load("minisearch"), load("index")]).then(build));

  // ---- Hits -----------------------------------------------------------------------------------
  const judged = (text, terms) => [...text.matchAll(/\S+/gu)].map(([word]) => ({ word, hit: stems(word).some((term) => terms.has(term)) }));
  const marked = (found) => found.flatMap(({ word, hit }, i) => [...(i ? [" "] : []), hit ? element("mark", {}, word) : word]);
  // The stretch of a text that holds most of the words, which are marked.
  const excerpt = (text, terms, length = 28) => {
    const found = judged(text, terms);
    let [best, most] = [0, -1];
    for (let start = 0; start === 0 || start + length <= found.length; start += 4) {
      const held = new Set(found.slice(start, start + length).filter(({ hit }) => hit).map(({ word }) => stem(word)));
      if (held.size > most) [best, most] = [start, held.size];
    }
    return [...(best ? ["… "] : []), ...marked(found.slice(best, best + length)), ...(best + length < found.length ? [" …"] : [])];
  };
  const contents = ({ title, chapter, text, code }, terms) => [
    element("span", { class: "title" }, ...marked(judged(title, terms))),
    ...(chapter === title ? [] : [element("span", { class: "where" }, chapter)]),
    element("span", { class: "context" }, ...excerpt(text || code, terms)),
  ];
  const number = (count) => (count ? `${count} ${count === 1 ? "place" : "places"} found` : "Nothing found");

  // ---- Suggestions while typing ---------------------------------------------------------------
  const suggest = (dialog) => {
    const input = dialog.querySelector("input");
    const list = element("div", { id: "search-suggestions", role: "listbox", "aria-label": "Suggestions" });
    const status = element("p", { class: "status", role: "status" });
    let active = -1;
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" };
    for (const [name, value] of Object.entries(roles)) input.setAttribute(name, value);
    dialog.append(status, list);

    const mark = (index) => {
      active = index;
      [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
      if (index < 0) input.removeAttribute("aria-activedescendant");
      else {
        input.setAttribute("aria-activedescendant", list.children[index].id);
        list.children[index].scrollIntoView({ block: "nearest" });
      }
    };
    const update = async () => {
      const query = input.value.trim();
      const find = await ready();
      if (query !== input.value.trim()) return; // typed on meanwhile
      const { hits, terms } = query ? find(query) : { hits: [], terms: new Set() };
      const options = hits.slice(0, SUGGESTED).map((entry, i) => element("a",
        { role: "option", id: `suggestion-${i}`, tabindex: "-1", href: address(entry.path) }, ...contents(entry, terms)));
      if (hits.length > SUGGESTED) {
        options.push(element("a", { role: "option", id: "suggestion-all", tabindex: "-1", class: "all",
          href: `${address("search.html")}?q=${encodeURIComponent(query)}` }, `All ${hits.length} places`));
      }
      list.replaceChildren(...options);
      input.setAttribute("aria-expanded", String(options.length > 0));
      status.textContent = query ? number(hits.length) : "";
      mark(-1);
    };
    input.addEventListener("focus", ready);
    input.addEventListener("input", update);
    input.addEventListener("keydown", (event) => {
      const count = list.children.length;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && count) {
        event.preventDefault();
        mark((active + step + (active < 0 && step < 0 ? 1 : 0) + count) % count);
      } else if (event.key === "Enter" && active >= 0) {
        event.preventDefault();
        list.children[active].click();
      }
    });
    // A hit on this very page only scrolls: the dialog has to go by itself.
    list.addEventListener("click", () => dialog.close());
  };

  // ---- The page of all hits -------------------------------------------------------------------
  const listAll = async (results) => {
    const input = document.querySelector(".bd-search-container input");
    const status = element("p", { role: "status" });
    const list = element("ul", { class: "search" });
    results.append(status, list);
    const update = async () => {
      const find = await ready();
      const query = input.value.trim();
      const { hits, terms } = query ? find(query) : { hits: [], terms: new Set() };
      status.textContent = query ? number(hits.length) : "";
      list.replaceChildren(...hits.slice(0, LISTED).map((entry) => {
        const [title, ...rest] = contents(entry, terms);
        return element("li", {}, element("a", { href: address(entry.path) }, title), ...rest);
      }));
    };
    input.value = new URLSearchParams(location.search).get("q") ?? "";
    input.addEventListener("input", update);
    await update();
  };

  const start = () => {
    const dialog = document.getElementById("pst-search-dialog");
    const results = document.getElementById("search-results");
    if (dialog) suggest(dialog);
    if (results) listAll(results);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
