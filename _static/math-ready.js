// Formulas are typeset after the page is first painted. Until then book.css keeps about the room that
// they will take, so that the text does not jump; this says when it need not any more.
window.addEventListener("load", () => {
  const ready = () => document.documentElement.classList.add("math-ready");
  Promise.resolve(window.MathJax?.startup?.promise).then(ready, ready);
});
