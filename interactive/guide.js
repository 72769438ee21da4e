// A form over the table of the decision guide: what the reader has decides which rows remain.
(() => {
  "use strict";
  const { html } = playground;

  const start = () => {
    const host = document.querySelector('[data-figure="guide"]');
    const { questions, answers } = JSON.parse(document.querySelector(".guide-data").textContent);
    const rows = new Map(Object.keys(answers).map((id) => [id, document.getElementById(`guide-${id}`).closest("tr")]));
    const chosen = {};
    const status = html("p", { class: "status", role: "status", "aria-live": "polite" });

    const update = () => {
      let shown = 0;
      for (const [id, when] of Object.entries(answers)) {
        const fits = Object.entries(chosen).every(([question, choice]) => !when[question] || when[question].includes(choice));
        rows.get(id).hidden = !fits;
        shown += fits;
      }
      const total = rows.size;
      status.textContent = Object.keys(chosen).length
        ? `${shown} of ${total} answers fit what you have.`
        : `All ${total} answers are shown.`;
    };
    const choose = (question, choice) => {
      if (choice) chosen[question] = choice;
      else delete chosen[question];
      update();
    };

    const form = html("form", {}, ...Object.entries(questions).map(([question, { ask, options }]) =>
      html("fieldset", { class: "control choice" }, html("legend", {}, ask), html("div", {},
        ...[["", "any"], ...Object.entries(options)].map(([value, text]) => html("label", {},
          html("input", { type: "radio", name: question, value, checked: value ? null : "", onchange: () => choose(question, value) }),
          html("span", {}, text)))))),
    html("div", { class: "control buttons" }, html("button", { type: "reset" }, "Begin again")));
    form.addEventListener("reset", () => {
      for (const question of Object.keys(chosen)) delete chosen[question];
      setTimeout(update);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    host.append(form, status);
    update();
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
