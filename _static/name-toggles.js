// Hints and solutions fold under buttons that sphinx-togglebutton calls "Toggle hidden content", all.
// A screen reader says what each one opens instead; whether it is open, `aria-expanded` tells it.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button.toggle-button")) {
    button.setAttribute("aria-label", button.parentElement.textContent.trim().replace(/\s+/g, " "));
  }
});
