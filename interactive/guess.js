// "Guess first": the choices of a question become buttons, and the answer opens with the choice.
// Without this script they are a list, and the answer is one press away. It stands in the box, or is
// the fold behind it.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  for (const box of document.querySelectorAll(".admonition.guess")) {
    const list = box.querySelector("ul");
    const behind = box.nextElementSibling;
    const answer = box.querySelector("details") ?? (behind?.matches("details.answer") ? behind : null);
    if (!list || !answer) continue;
    list.classList.add("choices");
    const verdict = document.createElement("p"); // the marks are seen; this is heard
    verdict.className = "visually-hidden";
    verdict.setAttribute("role", "status");
    list.after(verdict);
    const choices = [...list.children];
    for (const [number, item] of choices.entries()) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...item.childNodes);
      if (button.querySelector(".math")) { // not every reader of screens takes a formula for a name
        const name = document.createElement("span");
        name.className = "visually-hidden";
        name.textContent = `Choice ${number + 1}: `;
        button.prepend(name);
      }
      item.append(button);
      button.addEventListener("click", () => {
        for (const other of choices) {
          const right = Boolean(other.querySelector(".right"));
          other.classList.toggle("correct", right);
          other.classList.toggle("mistaken", other === item && !right);
          other.firstChild.setAttribute("aria-pressed", String(other === item));
        }
        answer.open = true;
        const guessed = Boolean(item.querySelector(".right"));
        verdict.textContent = `${guessed ? "Right" : "Wrong"}. The answer is open below.`;
        const name = box.id || box.closest("section.mistake")?.id;
        if (name) window.bookProgress?.note(name, guessed, true);
      });
    }
  }
});
