// Scale what is wider than the text; return, as sentences, what sticks out even so.
(smallest) => {
  const limit = document.querySelector("main").getBoundingClientRect().right + 1;
  const quote = (element) => element.textContent.trim().replace(/\s+/g, " ").slice(0, 70);

  // A formula or a table on a line of its own, down to the smallest size that can be read.
  for (const wide of document.querySelectorAll("main div.math mjx-container, main table")) {
    const room = wide.parentElement.getBoundingClientRect();
    const inner = wide.matches("table") ? wide : wide.querySelector("mjx-math") ?? wide;
    const width = Math.max(inner.scrollWidth, inner.getBoundingClientRect().width);
    if (width <= room.width + 0.5) continue;
    const size = parseFloat(getComputedStyle(wide).fontSize);
    wide.style.fontSize = `${size * Math.max(smallest, (0.98 * room.width) / width)}px`;
  }

  const faults = [...document.querySelectorAll("main .math:not(:has(mjx-container))")].map(
    (math) => `a formula is not set: "${quote(math)}"`,
  );
  // Formulas draw their glyphs without text, everything else has text or is a picture.
  const range = document.createRange();
  const skipped = "mjx-assistive-mml, .sd-d-none, [hidden], svg";
  for (const element of document.querySelectorAll("main *")) {
    if (element.closest(skipped) || !element.checkVisibility()) continue;
    const boxes = element.childElementCount ? [] : [element.getBoundingClientRect()];
    for (const node of element.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue;
      range.selectNodeContents(node);
      boxes.push(range.getBoundingClientRect());
    }
    const right = Math.max(...boxes.filter((box) => box.width).map((box) => box.right), 0);
    if (right > limit) {
      const name = element.closest("pre") ? "code" : element.tagName.toLowerCase();
      faults.push(`${Math.round(right - limit)} px: ${name} "${quote(element)}"`);
    }
  }
  return [...new Set(faults)];
}
