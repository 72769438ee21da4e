// The decision guide: choices, kept in the address, and the rows of the table that they lead to.
(() => {
  "use strict";
  const { html, states } = playground;

  // The same rules as `decide` in book/extensions/guide.py, over the same data.
  const decider = ({ questions, rules, clashes }) => {
    const applies = ({ when = {}, unless = {} }, chosen) =>
      Object.entries(when).every(([name, choices]) => choices.includes(chosen[name]))
      && !Object.entries(unless).some(([name, choices]) => choices.includes(chosen[name]));
    const firstOf = (chosen) => rules.find((rule) => rule.role !== "also" && applies(rule, chosen));
    return (chosen) => {
      const first = firstOf(chosen);
      const also = rules.filter((rule) => rule.role !== "first" && rule !== first && applies(rule, chosen)
        && (first.drops !== false || rule.drops === false));
      const open = Object.keys(questions).filter((name) => !chosen[name]
        && Object.keys(questions[name].options).some((choice) => firstOf({ ...chosen, [name]: choice }) !== first));
      const names = (found) => found.map(({ id }) => id);
      return { first: first.id, also: names(also), clashes: names(clashes.filter((clash) => applies(clash, chosen))), open };
    };
  };

  const start = () => {
    const host = document.querySelector('[data-figure="guide"]');
    const data = JSON.parse(document.querySelector(".guide-data").textContent);
    const { questions, rules } = data;
    const decide = decider(data);

    // Choices stand behind the "#", so that they can be shared and the back button undoes them.
    const read = () => Object.fromEntries([...new URLSearchParams(location.hash.slice(1))]
      .filter(([name, choice]) => Object.hasOwn(questions[name]?.options ?? {}, choice)));
    const write = (chosen) => {
      const said = String(new URLSearchParams(chosen));
      history.pushState(null, "", said ? `#${said}` : location.href.split("#")[0]);
      update();
    };
    const choose = (name, choice) => {
      const { [name]: before, ...others } = read();
      write(choice ? { ...others, [name]: choice } : others);
    };

    // Rows and paragraphs are those of the table below, which is whole without this script.
    const rowsOf = (id, kind) => [...document.querySelectorAll(`#guide-${id} > tr.${kind}`)].map((row) => row.cloneNode(true));
    const said = (id, kind) => rowsOf(id, kind).flatMap((row) => [...row.cells[0].children]);
    const rows = (...found) => (found.length ? [html("table", { class: "answers" }, html("tbody", {}, ...found))] : []);
    const part = (title, ...children) => (children.length ? [html("p", {}, title), ...children] : []);

    const card = html("div", { class: "guide-card", role: "status" });
    const more = html("div", { class: "guide-more" });
    const form = html("form", {}, ...Object.entries(questions).map(([name, { ask, options }]) =>
      html("fieldset", { class: "control choice" }, html("legend", {}, ask), html("div", {},
        ...[["", "not said"], ...Object.entries(options)].map(([value, text]) => html("label", {},
          html("input", { type: "radio", name, value, onchange: () => choose(name, value) }),
          html("span", {}, text)))))),
    html("div", { class: "control buttons" }, html("button", { type: "button", onclick: () => write({}) }, "Begin again")));

    const update = () => {
      const chosen = read();
      for (const input of form.querySelectorAll("input")) input.checked = input.value === (chosen[input.name] ?? "");
      const { first, also, clashes, open } = decide(chosen);
      const asked = also.filter((id) => "wanted" in (rules.find((rule) => rule.id === id).when ?? {}));
      const asks = open.map((name) => questions[name].ask).join(" ");
      card.replaceChildren(
        ...clashes.map((id) => html("p", { class: "clash" }, ...document.getElementById(`guide-${id}`).cloneNode(true).childNodes)),
        ...said(first, "what"),
        ...asked.map((id) => said(id, "what")[0]),
        html("p", { class: "open" }, open.length ? `May change with: ${asks}` : "No open question would change this."));
      more.replaceChildren(
        ...part("Because", ...said(first, "why").map((text) => html("div", {}, ...text.childNodes)), ...rows(...rowsOf(first, "for"))),
        ...(also.length ? part("Also consider", ...also.map((id) => {
          const [head, ...rest] = said(id, "what");
          return html("details", asked.includes(id) ? { open: "" } : {}, html("summary", {}, head), ...rest, ...said(id, "why"),
            ...rows(...rowsOf(id, "for"), ...rowsOf(id, "but"), ...rowsOf(id, "against"), ...rowsOf(id, "open")));
        })) : []),
        ...part("Against it, or not decided", ...rows(...rowsOf(first, "but"), ...rowsOf(first, "against"), ...rowsOf(first, "open"))));
    };

    form.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("popstate", update);
    window.addEventListener("hashchange", update);
    host.append(form, card, more);
    states.guide = { decide };
    update();
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
