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

  const faults = [];
  for (const element of document.querySelectorAll("main *")) {
    const hidden = element.closest("mjx-assistive-mml, .sd-d-none, [hidden], clipPath, svg");
    if (hidden || !element.checkVisibility()) continue;
    const box = element.getBoundingClientRect();
    if (box.width && box.right > limit && !element.querySelector("*")) {
      faults.push(`${Math.round(box.right - limit)} px: ${element.tagName.toLowerCase()} "${quote(element)}"`);
    }
    if (element.matches("pre") && element.scrollWidth > element.clientWidth + 1) {
      faults.push(`code, ${element.scrollWidth - element.clientWidth} px: "${quote(element)}"`);
    }
  }
  return [...new Set(faults)];
}
